#include "adapters/certificate_probe/certificate_probe.h"
#include "app/lookups/domain_lookups.h"
#include "app/lookups/verdict_json.h"
#include "lib/base/text.h"
#include "lib/tlspolicy/tlsa.h"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace relevo::lookups {
namespace {

using boost::json::array;
using boost::json::object;
using tlspolicy::TlsaRecord;

constexpr std::chrono::seconds probe_time{8};  // for one address
constexpr std::size_t probed_addresses_limit = 4;

struct Target {
    std::string host;
    std::uint16_t port = 25;
};

Result<Target> target_of(std::string_view text) {
    Target target;
    if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
        const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1));
        if (!port || *port == 0)
            return failure(ErrorKind::invalid,
                           fmt::format("\"{}\": write HOST or HOST:PORT, such as mx.example.com:25", text));
        target.port = *port;
        text = text.substr(0, colon);
    }
    RELEVO_TRY(target.host, domain_from(text));
    return target;
}

std::string own_name() {
    char name[256] = "";
    if (::gethostname(name, sizeof name - 1) != 0 || *name == '\0') return "localhost";
    return name;
}

class DaneReport {
 public:
    DaneReport(Target target, DnsSource& source) : target_(std::move(target)), source_(source) {}

    Report make() {
        findings_.json = {{"host", plain(target_.host)}, {"port", target_.port}};
        look_at_records();
        look_at_addresses();
        if (source_.is_live())
            probe_all();
        else
            findings_.page.paragraph("The server was not asked: with --dns nothing goes over the network.");
        return std::move(findings_).take();
    }

 private:
    void look_at_records() {
        const std::string name = fmt::format("_{}._tcp.{}", target_.port, target_.host);
        const auto answer = source_.answer({name, dns::RecordType::tlsa});
        if (!answer) {
            findings_.page.paragraph(
                "RFC 7672 §2.1: senders put mail off rather than go without TLSA records they cannot get.");
            return findings_.problem(
                fmt::format("the TLSA records at {} are not known: {}", name, answer.error().detail));
        }
        findings_.json["dnssec"] = name_of(answer->security);
        findings_.page.heading(fmt::format("TLSA records at {} (DNSSEC: {})", name, name_of(answer->security)));
        array list;
        for (const std::string& rdata : answer->data) add_record(rdata, list);
        findings_.json["records"] = std::move(list);
        if (answer->data.empty())
            return findings_.problem("there is none: the DNS does not say which certificate the server has");
        if (answer->security != dns::Security::secure)
            findings_.problem(source_.validates()
                                  ? "the answer is not signed by DNSSEC: senders pass over it"
                                  : "DNSSEC is not validated here, for there is no trust anchor: install "
                                    "dns-root-data, or set dns.trust_anchor_file");
        if (usable_.empty())
            findings_.problem("no record can be used: senders demand TLS, but verify nothing (RFC 7672 §2.2)");
    }

    void add_record(std::string_view rdata, array& list) {
        const auto record = tlspolicy::parse_tlsa(rdata);
        if (!record) return findings_.problem(record.error().detail);
        findings_.page.paragraph(record->text(), 2, 2);
        findings_.page.paragraph(fmt::format("{} {} {}", tlspolicy::usage_name(*record),
                                             tlspolicy::selector_name(*record), tlspolicy::matching_name(*record)),
                                 6);
        const std::string flaw = tlspolicy::problem_of(*record);
        if (!flaw.empty())
            findings_.problem(flaw);
        else
            usable_.push_back(*record);
        list.push_back(object{{"usage", record->usage},
                              {"selector", record->selector},
                              {"matching", record->matching},
                              {"text", record->text(4096)},
                              {"problem", flaw}});
    }

    // RFC 7672 §2.2.2: DANE counts only if the addresses are secure too.
    void look_at_addresses() {
        array list;
        bool is_secure = true;
        for (const auto type : {dns::RecordType::a, dns::RecordType::aaaa}) {
            const auto answer = source_.answer({target_.host, type});
            if (!answer) {
                findings_.problem(
                    fmt::format("the addresses of {} are not known: {}", target_.host, answer.error().detail));
                continue;
            }
            if (!answer->addresses.empty() && answer->security != dns::Security::secure) is_secure = false;
            for (const dns::IpAddress& address : answer->addresses) {
                addresses_.push_back(address);
                list.emplace_back(address.text());
            }
        }
        findings_.json["addresses"] = std::move(list);
        if (addresses_.empty()) findings_.problem(fmt::format("{} has no address", target_.host));
        if (!addresses_.empty() && !is_secure && source_.validates())
            findings_.problem(
                fmt::format("the addresses of {} are not signed by DNSSEC: senders do not use DANE", target_.host));
    }

    void probe_all() {
        array list;
        for (std::size_t i = 0; i < std::min(addresses_.size(), probed_addresses_limit); ++i) {
            findings_.page.blank_line();
            list.push_back(probe(addresses_[i]));
        }
        findings_.json["servers"] = std::move(list);
    }

    object probe(const dns::IpAddress& address) {
        const std::string where = fmt::format("{} port {}", address.text(), target_.port);
        const auto shown = certificate_probe::probe_certificate(
            {.host = target_.host,
             .address = address,
             .port = target_.port,
             .greeting =
                 target_.port == 465 ? certificate_probe::Greeting::implicit : certificate_probe::Greeting::starttls,
             .our_name = own_name(),
             .records = usable_,
             .deadline = std::min(source_.deadline(), std::chrono::steady_clock::now() + probe_time)});
        if (!shown) {
            // Many networks block port 25: that says nothing about the server.
            findings_.page.paragraph(fmt::format("{}: the certificate was not seen: {}", where, shown.error().detail),
                                     0, 4);
            return {{"address", address.text()}, {"matches", nullptr}, {"reason", plain(shown.error().detail)}};
        }
        findings_.page.paragraph(fmt::format("{}, {}: {}", where, shown->protocol, shown->subject), 0, 4);
        findings_.page.paragraph(fmt::format("issued by {}, until {}", shown->issuer, shown->expires), 4, 2);
        findings_.page.paragraph("its record: 3 1 1 " + shown->public_key_sha256, 4, 2);
        if (shown->matched)
            findings_.page.paragraph(fmt::format("matches the record {}", usable_[*shown->matched].text(8)), 4, 2);
        else if (!usable_.empty())
            findings_.problem(
                fmt::format("the certificate at {} matches no record ({}): senders that know DANE do not deliver",
                            where, shown->problem));
        return {{"address", address.text()},
                {"protocol", shown->protocol},
                {"subject", plain(shown->subject)},
                {"issuer", plain(shown->issuer)},
                {"expires", shown->expires},
                {"record", "3 1 1 " + shown->public_key_sha256},
                {"matches", shown->matched.has_value()},
                {"reason", plain(shown->problem)}};
    }

    Target target_;
    DnsSource& source_;
    Findings findings_;
    std::vector<TlsaRecord> usable_;
    std::vector<dns::IpAddress> addresses_;
};

}  // namespace

Result<Report> report_on_dane(const cli::LookupOptions& options, DnsSource& source) {
    RELEVO_TRY(Target target, target_of(options.subject));
    return DaneReport(std::move(target), source).make();
}

}  // namespace relevo::lookups

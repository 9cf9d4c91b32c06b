#include "core/setup/plan.h"

#include "core/setup/plan_words.h"
#include "core/setup/spf_proposal.h"
#include "lib/dns/service.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

std::string domain_of_address(const std::string& address) { return address.substr(address.rfind('@') + 1); }

class Planner {
 public:
    Planner(const DomainFacts& facts, const Published& published) : facts_(facts), published_(published) {}

    DnsPlan make() {
        plan_.domain = facts_.domain;
        plan_.name_servers = published_.name_servers;
        add_ownership();
        for (const SendingKey& key : facts_.keys) add_key(key);
        add_sending_hosts();
        add_return_path();
        add_policy();
        add_incoming();
        add_tracking();
        add_clients();
        add_service();
        plan_.advice = advice_about_risk(facts_);
        return std::move(plan_);
    }

 private:
    PlannedRecord& add(Purpose purpose, Need need, std::string name, dns::RecordType type, std::string value,
                       Words why) {
        PlannedRecord record;
        record.purpose = purpose;
        record.need = need;
        record.name = std::move(name);
        record.type = type;
        record.value = std::move(value);
        record.why = std::move(why);
        return plan_.records.emplace_back(std::move(record));
    }

    void add_ownership() {
        if (facts_.ownership_value.empty() || facts_.ownership_proven) return;
        add(Purpose::ownership, Need::required, facts_.ownership_name, dns::RecordType::txt, facts_.ownership_value,
            why_ownership());
    }

    // "s1._domainkey.example.com" as a name in the operator's zone: whoever has that CNAME need not touch their own
    // zone when we change the key.
    [[nodiscard]] std::string alias_target(const SendingKey& key) const {
        return facts_.key_zone.empty() ? std::string() : key.name + "." + facts_.key_zone;
    }

    void add_key(const SendingKey& key) {
        PlannedRecord& record =
            add(Purpose::signing_key, key.role == KeyRole::signing ? Need::required : Need::recommended, key.name,
                dns::RecordType::txt, key.record, why_signing_key(key));
        record.instead = alias_target(key);
    }

    void add_spf(Purpose purpose, Need need, const std::string& name, const std::vector<std::string>& existing,
                 bool suffices, Words why) {
        const SpfProposal proposal = suffices ? SpfProposal{existing.front(), {}} : propose_spf(facts_, existing);
        PlannedRecord& record = add(purpose, need, name, dns::RecordType::txt, proposal.record, std::move(why));
        record.remark = proposal.remark;
    }

    void add_sending_hosts() {
        add_spf(Purpose::sending_hosts, Need::required, facts_.domain, published_.spf, published_.spf_suffices,
                why_sending_hosts());
    }

    void add_return_path() {
        if (facts_.return_path.empty()) return;
        add(Purpose::return_path, Need::recommended, facts_.return_path, dns::RecordType::mx, "10 " + facts_.host_name,
            why_return_path(dns::RecordType::mx));
        add_spf(Purpose::return_path, Need::recommended, facts_.return_path, published_.return_path_spf,
                published_.return_path_spf_suffices, why_return_path(dns::RecordType::txt));
    }

    // A policy that exists is its owner's business: the plan asks for one only where there is none.
    void add_policy() {
        std::string value = "v=DMARC1; p=none";
        if (!facts_.report_address.empty()) value += "; rua=mailto:" + facts_.report_address;
        if (published_.dmarc.size() == 1) value = published_.dmarc.front();
        add(Purpose::policy, Need::recommended, "_dmarc." + facts_.domain, dns::RecordType::txt, std::move(value),
            why_policy(facts_.domain));
    }

    void add_incoming() {
        if (facts_.mail_exchanger.empty()) return;
        add(Purpose::incoming_mail, Need::required, facts_.domain, dns::RecordType::mx, "10 " + facts_.mail_exchanger,
            why_incoming_mail());
        if (!facts_.policy_host.empty()) {
            const Words why = why_transport_policy(facts_.mail_exchanger);
            add(Purpose::transport_policy, Need::optional, "mta-sts." + facts_.domain, dns::RecordType::cname,
                facts_.policy_host, why);
            add(Purpose::transport_policy, Need::optional, "_mta-sts." + facts_.domain, dns::RecordType::txt,
                "v=STSv1; id=1;", why);
        }
        if (!facts_.report_address.empty())
            add(Purpose::transport_reports, Need::optional, "_smtp._tls." + facts_.domain, dns::RecordType::txt,
                "v=TLSRPTv1; rua=mailto:" + facts_.report_address, why_transport_reports());
    }

    void add_tracking() {
        if (facts_.tracking_host.empty()) return;
        add(Purpose::tracking, Need::recommended, facts_.tracking_host, dns::RecordType::cname, facts_.host_name,
            why_tracking());
    }

    // Clients that ask for both take TLS from the start: RFC 8314 §5.1 lets the priority say so. Outlook gets an SRV
    // record and not a CNAME at autodiscover.DOMAIN: it wants HTTPS with a certificate for the name that it asked,
    // which here is this server's own.
    void add_clients() {
        const auto add_here = [&](std::string_view label, dns::RecordType type, std::string value) {
            add(Purpose::clients, Need::optional, fmt::format("{}.{}", label, facts_.domain), type, std::move(value),
                why_clients(label));
        };
        const auto add_service_at = [&](std::string_view label, std::uint16_t priority, std::uint16_t port) {
            if (port != 0)
                add_here(label, dns::service_record, dns::Service{priority, 1, port, facts_.host_name}.text());
        };
        add_service_at("_submissions._tcp", 0, facts_.submissions_port);
        add_service_at("_submission._tcp", 10, facts_.submission_port);
        add_service_at("_autodiscover._tcp", 0, facts_.autodiscover_port);
        if (facts_.serves_autoconfig) add_here("autoconfig", dns::RecordType::cname, facts_.host_name);
        for (const MailboxService& mailboxes : facts_.mailboxes)
            add_here(mailboxes.label, dns::service_record, dns::Service{0, 1, mailboxes.port, mailboxes.host}.text());
    }

    // What the operator's own zone must hold for all of this.
    void add_service() {
        const auto add_here = [&](Need need, std::string name, std::string value, Words why) {
            add(Purpose::service, need, std::move(name), dns::RecordType::txt, std::move(value), std::move(why)).zone =
                Zone::operator_zone;
        };
        if (!facts_.spf_include.empty())
            add_here(Need::required, facts_.spf_include, spf_of_addresses(facts_.egress),
                     why_service(Purpose::sending_hosts));
        if (!facts_.key_zone.empty())
            for (const SendingKey& key : facts_.keys)
                add_here(Need::optional, alias_target(key), key.record, why_service(Purpose::signing_key));
        if (facts_.report_address.empty()) return;
        const std::string reports = domain_of_address(facts_.report_address);
        if (mail::is_same_or_subdomain(reports, facts_.domain)) return;
        add_here(Need::recommended, fmt::format("{}._report._dmarc.{}", facts_.domain, reports), "v=DMARC1",
                 why_service(Purpose::policy));
    }

    const DomainFacts& facts_;
    const Published& published_;
    DnsPlan plan_;
};

}  // namespace

bool DnsPlan::is_complete() const {
    return std::ranges::all_of(records, [](const PlannedRecord& record) {
        return record.need != Need::required || record.status == RecordStatus::found;
    });
}

DnsPlan make_plan(const DomainFacts& facts, const Published& published) { return Planner(facts, published).make(); }

std::string_view name_of(Purpose purpose) {
    switch (purpose) {
        case Purpose::ownership: return "ownership";
        case Purpose::signing_key: return "dkim";
        case Purpose::sending_hosts: return "spf";
        case Purpose::return_path: return "return-path";
        case Purpose::policy: return "dmarc";
        case Purpose::incoming_mail: return "mx";
        case Purpose::transport_policy: return "mta-sts";
        case Purpose::transport_reports: return "tls-rpt";
        case Purpose::tracking: return "tracking";
        case Purpose::clients: return "clients";
        case Purpose::service: return "service";
    }
    return "";
}

std::string_view name_of(Need need) {
    switch (need) {
        case Need::required: return "required";
        case Need::recommended: return "recommended";
        case Need::optional: return "optional";
    }
    return "";
}

std::string_view name_of(RecordStatus status) {
    switch (status) {
        case RecordStatus::unknown: return "unknown";
        case RecordStatus::missing: return "missing";
        case RecordStatus::differs: return "differs";
        case RecordStatus::found: return "found";
    }
    return "";
}

}  // namespace relevo::setup

// Where the domain's own mail arrives: part of domain_mail_checks.h.
#include "core/setup/domain_mail_checks.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr std::size_t hosts_asked = 3;
constexpr std::size_t tlsa_octets_least = 3;
constexpr char dane_ta = 2, dane_ee = 3;               // certificate usages of RFC 7672 §3.1
constexpr char whole_certificate = 0, public_key = 1;  // selectors
constexpr char sha256_digest = 1;                      // matching type

Words why_answers_matter() {
    return {"Replies and bounces must reach the domain, and many receivers refuse mail from domains that take none.",
            "Las respuestas y los rebotes deben llegar al dominio, y muchos receptores rechazan el correo de dominios "
            "que no reciben."};
}

CheckItem mx_item(const std::string& domain, const dns::Answer& answer, bool has_address) {
    CheckItem item;
    item.id = "mx.hosts";
    item.subject = domain;
    item.why = why_answers_matter();
    const bool is_null = std::ranges::any_of(
        answer.exchanges, [](const dns::MailExchange& exchange) { return exchange.exchange.empty(); });
    if (is_null) {
        item.status = CheckStatus::warn;
        item.found = {"null MX: the domain says that it takes no mail (RFC 7505)",
                      "MX nulo: el dominio declara que no recibe correo (RFC 7505)"};
        item.action = {"Do not send from a domain that takes no mail: give it an MX, or send from another.",
                       "No envíe desde un dominio que no recibe: póngale un MX, o envíe desde otro."};
    } else if (!answer.exchanges.empty()) {
        std::string hosts;
        for (const std::string& text : texts_of(answer)) hosts += (hosts.empty() ? "" : ", ") + text;
        item.found = same(hosts);
    } else if (has_address) {
        item.status = CheckStatus::warn;
        item.found = {"no MX; mail goes to the address of the domain itself",
                      "sin MX; el correo va a la dirección del propio dominio"};
        item.action = {"Publish an MX, so that it is clear who takes the domain's mail.",
                       "Publique un MX para que quede claro quién recibe el correo del dominio."};
    } else {
        item.status = CheckStatus::fail;
        item.found = {"neither MX nor address: nothing can be answered to this domain",
                      "ni MX ni dirección: no se puede responder a este dominio"};
        item.action = {"Publish an MX that takes the domain's mail.",
                       "Publique un MX que reciba el correo del dominio."};
    }
    return item;
}

bool matches(std::string_view record, const std::vector<CertificateDigests>& certificates) {
    const std::string_view digest = record.substr(tlsa_octets_least);
    return std::ranges::any_of(certificates, [&](const CertificateDigests& own) {
        if (record[2] != sha256_digest) return false;
        return digest == (record[1] == public_key ? own.key_sha256 : own.certificate_sha256);
    });
}

// Only records that mail uses (RFC 7672 §3.1) and that can be compared: DANE-EE of a whole certificate or of a key.
bool is_comparable(std::string_view record) {
    return record.size() > tlsa_octets_least && record[0] == dane_ee && record[2] == sha256_digest &&
           (record[1] == whole_certificate || record[1] == public_key);
}

CheckItem tlsa_item(const std::string& name, const dns::Answer& answer, bool is_ours,
                    const std::vector<CertificateDigests>& certificates) {
    CheckItem item;
    item.id = "dane.tlsa";
    item.subject = name;
    item.why = {
        "With DANE senders refuse to deliver to a server that cannot show the certificate that the DNS names: a "
        "wrong record stops all incoming mail from them.",
        "Con DANE los remitentes no entregan a un servidor que no muestra el certificado que indica el DNS: un "
        "registro equivocado corta todo su correo."};
    const auto usable = std::ranges::count_if(answer.data, [](const std::string& record) {
        return record.size() > tlsa_octets_least && (record[0] == dane_ee || record[0] == dane_ta);
    });
    if (answer.data.empty() || answer.security != dns::Security::secure) {
        item.status = CheckStatus::skipped;
        item.found = answer.data.empty()
                         ? Words{"no TLSA records; DANE is optional", "sin registros TLSA; DANE es opcional"}
                         : Words{"TLSA records without DNSSEC: nobody heeds them",
                                 "registros TLSA sin DNSSEC: nadie los tiene en cuenta"};
    } else if (usable == 0) {
        item.status = CheckStatus::warn;
        item.found = {"TLSA records, but none that mail servers use (RFC 7672 §3.1)",
                      "hay registros TLSA, pero ninguno que usen los servidores de correo (RFC 7672 §3.1)"};
        item.action = {"Publish usage 3 1 1.", "Publique el uso 3 1 1."};
    } else if (!is_ours) {
        item.found = {fmt::format("{} usable TLSA records; the server is another's, so they were not compared", usable),
                      fmt::format("{} registros TLSA utilizables; el servidor es ajeno y no se han comparado", usable)};
    } else if (std::ranges::any_of(answer.data, [&](const std::string& record) {
                   return is_comparable(record) && matches(record, certificates);
               })) {
        item.found = {"names our certificate", "indica nuestro certificado"};
    } else if (std::ranges::any_of(answer.data, [](const std::string& record) { return record[0] == dane_ta; })) {
        item.status = CheckStatus::skipped;
        item.found = {"names an authority (usage 2), which is not compared here",
                      "indica una autoridad (uso 2), que aquí no se compara"};
    } else {
        item.status = CheckStatus::fail;
        item.found = {"names another certificate than ours", "indica un certificado que no es el nuestro"};
        item.action = {
            "Publish the digest of the new key before the certificate changes, or remove the TLSA record.",
            "Publique el resumen de la clave nueva antes de cambiar el certificado, o quite el registro TLSA."};
    }
    return item;
}

Task<CheckItem> check_tlsa(DnsView& view, std::string host, bool is_ours,
                           const std::vector<CertificateDigests>& certificates) {
    const std::string name = "_25._tcp." + host;
    // From the resolver: it alone validates.
    const auto answer = co_await view.ask(name, dns::RecordType::tlsa);
    if (!answer.has_value()) co_return unanswered_item("dane.tlsa", name, answer.error());
    co_return tlsa_item(name, *answer, is_ours, certificates);
}

}  // namespace

Task<std::vector<CheckItem>> check_incoming_mail(DnsView& view, const DomainFacts& facts,
                                                 const std::vector<CertificateDigests>& certificates) {
    std::vector<CheckItem> items;
    const Observation seen = co_await view.see(facts.domain, dns::RecordType::mx);
    if (!seen.published.has_value()) {
        items.push_back(unanswered_item("mx.hosts", facts.domain, seen.published.error()));
        co_return items;
    }
    bool has_address = false;
    if (seen.published->exchanges.empty()) {
        for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
            const Observation addresses = co_await view.see(facts.domain, type);
            has_address = has_address || (addresses.published.has_value() && !addresses.published->addresses.empty());
        }
    }
    items.push_back(mx_item(facts.domain, *seen.published, has_address));
    std::size_t asked = 0;
    for (const dns::MailExchange& exchange : seen.published->exchanges) {
        if (exchange.exchange.empty() || asked++ == hosts_asked) break;
        const bool is_ours = exchange.exchange == facts.host_name || exchange.exchange == facts.mail_exchanger;
        items.push_back(co_await check_tlsa(view, exchange.exchange, is_ours, certificates));
    }
    co_return items;
}

}  // namespace relevo::setup

#include "app/relevo/domain_facts.h"

#include "app/relevo/public_face.h"
#include "core/signing/publication.h"
#include "core/tenancy/mailboxes.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

// Whether strangers' mail for the domain is taken here: a route other than by MX names it.
bool takes_mail(const Configuration& configuration, const std::string& domain) {
    return std::ranges::any_of(configuration.routes, [&](const RouteSettings& route) {
        if (route.kind == RouteMethod::mail_exchanger) return false;
        return std::ranges::any_of(route.domains, [&](const std::string& pattern) {
            return pattern == domain || (pattern.starts_with('.') && domain.ends_with(pattern));
        });
    });
}

std::uint16_t port_of(const std::vector<clientsetup::SubmissionPort>& ports, clientsetup::PortSecurity security) {
    const auto found = std::ranges::find(ports, security, &clientsetup::SubmissionPort::security);
    return found == ports.end() ? std::uint16_t{0} : found->port;
}

void add_client_services(setup::DomainFacts& facts, const Configuration& configuration) {
    const auto ports = clientsetup::automatic_ports(submission_offer(configuration));
    facts.submission_port = port_of(ports, clientsetup::PortSecurity::starttls);
    facts.submissions_port = port_of(ports, clientsetup::PortSecurity::tls);
    if (ports.empty()) return;
    for (const HttpSettings& http : configuration.http)
        for (const Endpoint& endpoint : http.address) {
            if (http.tls && facts.autodiscover_port == 0) facts.autodiscover_port = endpoint.port;
            if (endpoint.port == (http.tls ? 443 : 80)) facts.serves_autoconfig = true;
        }
}

// A key signs once its record was seen; before that, those of a new domain stand for the ones that will.
void add_keys(setup::DomainFacts& facts, const std::vector<DomainRecord>& records) {
    const bool has_active =
        std::ranges::find(records, name_of(KeyState::active), &DomainRecord::state) != records.end();
    for (const DomainRecord& record : records) {
        if (record.purpose == RecordPurpose::ownership) {
            facts.ownership_name = record.host;
            facts.ownership_value = record.text;
            continue;
        }
        if (!record.is_needed) continue;
        const bool signs = !has_active || record.state == name_of(KeyState::active);
        const bool is_second = record.algorithm != mailauth::name_of(mailauth::SigningAlgorithm::rsa_sha256);
        facts.keys.push_back({record.host, record.text,
                              !signs      ? setup::KeyRole::waiting
                              : is_second ? setup::KeyRole::second_algorithm
                                          : setup::KeyRole::signing});
    }
}

}  // namespace

Result<setup::DomainFacts> domain_facts(Reader& reader, const Domain& domain, const Configuration& configuration) {
    const DomainSettings& settings = configuration.domains;
    setup::DomainFacts facts;
    facts.id = domain.id;
    facts.tenant = domain.tenant;
    facts.domain = domain.name;
    facts.host_name = configuration.server.host_name;
    if (!domain.return_path.empty())
        facts.return_path = domain.return_path;
    else if (!settings.return_path.empty())
        facts.return_path = settings.return_path + "." + domain.name;
    if (!domain.tracking_host.empty())
        facts.tracking_host = domain.tracking_host;
    else if (!settings.tracking.empty())
        facts.tracking_host = settings.tracking + "." + domain.name;
    facts.spf_include = settings.spf_include;
    facts.key_zone = settings.key_zone;
    facts.report_address = settings.report_address;
    facts.policy_host = settings.mta_sts_host;
    if (takes_mail(configuration, domain.name)) facts.mail_exchanger = configuration.server.host_name;
    RELEVO_TRY(const std::vector<DomainRecord> records, records_of(reader, domain));
    facts.ownership_proven = domain.ownership != Ownership::pending;
    add_keys(facts, records);
    add_client_services(facts, configuration);
    RELEVO_TRY(const MailboxServers mailboxes, mailbox_servers_of(reader, domain.id));
    for (const clientsetup::MailboxServer& server : mailboxes) {
        const std::string_view protocol = server.protocol == clientsetup::MailboxProtocol::imap ? "imap" : "pop3";
        const bool is_tls = server.security == clientsetup::PortSecurity::tls;
        facts.mailboxes.push_back({fmt::format("_{}{}._tcp", protocol, is_tls ? "s" : ""), server.host, server.port});
    }
    return facts;
}

}  // namespace relevo

#include "core/tenancy/mailboxes.h"

#include "core/tenancy/administration.h"

#include <fmt/format.h>

namespace relevo {

Result<void> set_mailbox_servers(Transaction& transaction, DomainId domain, const std::vector<std::string>& servers) {
    if (servers.size() > most_mailbox_servers)
        return failure(ErrorKind::limit, fmt::format("a domain has at most {} servers of mailboxes, and these are {}",
                                                     most_mailbox_servers, servers.size()));
    RELEVO_TRY([[maybe_unused]] const Domain known, domain_by_id(transaction, domain));
    RELEVO_CHECK(transaction.execute("DELETE FROM domain_mailbox WHERE domain_id = $1", {domain.value}));
    std::int64_t place = 0;
    for (const std::string& text : servers) {
        RELEVO_TRY(const clientsetup::MailboxServer server, clientsetup::parse_mailbox_server(text));
        const std::string written = clientsetup::text_of(server);
        RELEVO_CHECK(transaction.execute("INSERT INTO domain_mailbox (domain_id, place, server) VALUES ($1, $2, $3)",
                                         {domain.value, ++place, std::string_view(written)}));
    }
    return {};
}

Result<MailboxServers> mailbox_servers_of(Reader& reader, DomainId domain) {
    MailboxServers servers;
    RELEVO_CHECK(reader.query("SELECT server FROM domain_mailbox WHERE domain_id = $1 ORDER BY place", {domain.value},
                              [&](const Row& row) -> Result<void> {
                                  RELEVO_TRY(servers.emplace_back(), clientsetup::parse_mailbox_server(row.text(0)));
                                  return {};
                              }));
    return servers;
}

Result<std::shared_ptr<const MailboxTable>> MailboxTable::load(Reader& reader) {
    auto table = std::make_shared<MailboxTable>();
    RELEVO_CHECK(reader.query("SELECT domain_id, server FROM domain_mailbox ORDER BY domain_id, place", {},
                              [&](const Row& row) -> Result<void> {
                                  RELEVO_TRY(auto server, clientsetup::parse_mailbox_server(row.text(1)));
                                  table->add(DomainId{row.integer(0)}, std::move(server));
                                  return {};
                              }));
    return std::shared_ptr<const MailboxTable>(std::move(table));
}

std::span<const clientsetup::MailboxServer> MailboxTable::of(DomainId domain) const {
    const auto found = servers_.find(domain);
    return found == servers_.end() ? std::span<const clientsetup::MailboxServer>() : found->second;
}

}  // namespace relevo

// Where the mailboxes of tenants' domains are: told to mail clients, used for nothing else.
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/model.h"
#include "lib/clientsetup/mailboxes.h"

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace relevo {

using MailboxServers = std::vector<clientsetup::MailboxServer>;

inline constexpr std::size_t most_mailbox_servers = 4;  // of one domain

// In the order of preference; none: nobody is told of any. Errors: invalid, not_found.
[[nodiscard]] Result<void> set_mailbox_servers(Transaction& transaction, DomainId domain,
                                               const std::vector<std::string>& servers);
[[nodiscard]] Result<MailboxServers> mailbox_servers_of(Reader& reader, DomainId domain);

// Those of all domains, in memory. Never changes.
class MailboxTable {
 public:
    [[nodiscard]] static Result<std::shared_ptr<const MailboxTable>> load(Reader& reader);
    [[nodiscard]] std::span<const clientsetup::MailboxServer> of(DomainId domain) const;
    void add(DomainId domain, clientsetup::MailboxServer server) { servers_[domain].push_back(std::move(server)); }
    [[nodiscard]] bool is_empty() const { return servers_.empty(); }

 private:
    std::unordered_map<DomainId, MailboxServers> servers_;
};

}  // namespace relevo

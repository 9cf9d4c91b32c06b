// Whether mail to a recipient is certain to come back, asked while its client waits for the reply to RCPT: a slip is
// told to whoever made it, at the moment of it (S56, G10).
#pragma once

#include "core/policy/decision.h"
#include "core/ports/resolver.h"
#include "lib/addresscheck/address_lists.h"
#include "lib/base/identifier.h"
#include "lib/mail/address.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace relevo {

// Threads: its shard's; what it is told by functions and the atomic may change meanwhile.
class RecipientCheck {
 public:
    // The lists for "did you mean"; null: nothing is checked.
    using Lists = std::atomic<std::shared_ptr<const addresscheck::AddressLists>>;
    // Whether mail of that tenant to that domain goes by its MX records; where a route says otherwise the DNS does not
    // matter.
    using GoesByMx = std::function<bool(std::string_view domain, TenantId tenant)>;

    RecipientCheck(Resolver& resolver, const Lists& lists, GoesByMx goes_by_mx)
        : resolver_(resolver), lists_(lists), goes_by_mx_(std::move(goes_by_mx)) {}

    [[nodiscard]] bool is_on() const { return lists_.load() != nullptr; }
    // The refusal if the domain does not exist, or declares that it takes no mail (RFC 7505). Nothing if it may arrive,
    // and whenever the DNS does not tell by the deadline.
    Task<std::optional<Decision>> check(mail::Address recipient, TenantId tenant, Deadline deadline);

    // For one recipient, and for all of one transaction: a dead name server must not keep a client from sending.
    static constexpr std::chrono::seconds recipient_time{3};
    static constexpr std::chrono::seconds transaction_time{10};

 private:
    Resolver& resolver_;
    const Lists& lists_;
    GoesByMx goes_by_mx_;
};

}  // namespace relevo

// Sends people the links that let them in, through the same spool as all mail: the mail, the token in it and what else
// belongs to it become durable together, or nothing does.
#pragma once

#include "core/accounts/account_mail.h"
#include "core/ports/log.h"
#include "core/spool/spool.h"

#include <functional>
#include <memory>
#include <string>

namespace relevo {

// Tag of such mail, by which it is found and counted.
inline constexpr std::string_view account_mail_tag = "account";

// Threads: one shard's.
class AccountMailer {
 public:
    struct Ports {
        Spool& spool;
        MessageIdSource& ids;
        Log& log;
        // What happens next with a mail that is safe.
        std::function<void(std::shared_ptr<const Message>)> accepted;
        // Whom such mail comes from. Errors: unsupported – nobody yet; the detail tells people what to set.
        std::function<Result<mail::Address>()> from;
        // Signs the mail as any other from that domain.
        std::function<std::string(std::string content, std::string_view domain)> sign;
        std::function<std::string()> host_name;
        std::function<WallClock::time_point()> now;
    };
    explicit AccountMailer(Ports ports) : ports_(std::move(ports)) {}

    // Where mail to that login would go. Errors, for people: invalid – it is no address; unsupported – mail comes from
    // nobody yet.
    [[nodiscard]] Result<mail::Address> address_of(std::string_view login) const;

    // `also` runs in the transaction that accepts the mail, and must be repeatable. Errors: of `also`; of the store; as
    // address_of().
    using Also = std::function<Result<void>(Transaction& transaction, MessageId message)>;
    struct Letter {
        OneTimePurpose purpose = OneTimePurpose::invitation;
        mail::Language language = mail::Language::english;
        std::string login, name, invited_by, link;
        WallClock::time_point expires_at{};
    };
    Task<Result<MessageId>> send(Letter letter, Also also);

 private:
    Ports ports_;
};

// Whether a message is such mail, by the detail of its event `accepted`. Its content lets whoever reads it in as
// somebody else, and is shown to nobody.
[[nodiscard]] bool is_account_mail(std::string_view accepted_detail);

}  // namespace relevo

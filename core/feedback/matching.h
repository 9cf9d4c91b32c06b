// What a mail that came back says about a message of ours. Pure.
#pragma once

#include "core/events/event.h"
#include "core/spool/spool.h"
#include "lib/bounces/bounce_mail.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// A message that really went out, as the store tells.
struct SentMessage {
    struct To {
        std::uint32_t ordinal = 0;
        std::string address;
    };
    MessageId id;
    TenantId tenant;
    std::string sender;  // "": null
    std::vector<To> recipients;
    std::size_t feedback = 0;  // events that mail which came back has made already
};
// From what waits and from what its events tell.
[[nodiscard]] SentMessage sent_message(const MessageRow& row);

struct FeedbackFinding {
    EventKind kind = EventKind::bounced;
    const SentMessage::To* to = nullptr;  // null: it names nobody that the message went to
    bounces::BounceClass reason = bounces::BounceClass::unknown;
    bounces::BounceNature nature = bounces::BounceNature::not_a_bounce;
    std::string action, status, said, remote, named;
};

// How sure it is that the mail is about this message.
enum class FeedbackProof : std::uint8_t {
    token,       // it came to the message's own return path, or returns it
    message_id,  // it names the message, and must name a recipient of it as well
};

// Nothing is invented: a recipient is found if the mail names it, or if the message has no other and the mail speaks of
// one alone (forwarding changes addresses). A complaint counts for one recipient at most (security row B9).
[[nodiscard]] std::vector<FeedbackFinding> findings_of(const bounces::BounceMail& mail, const SentMessage& message,
                                                       FeedbackProof proof);

// The detail of the event.
[[nodiscard]] std::string feedback_detail(const FeedbackFinding& finding, const bounces::BounceMail& mail);

}  // namespace relevo

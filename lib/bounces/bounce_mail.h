// Reads mail that comes back: delivery status notifications (RFC 3464), what servers write instead of them, automatic
// answers (RFC 3834), challenges, complaints and wishes to be taken off a list (RFC 5965). Anybody can write such a
// mail: what it says proves nothing until its original Message-ID or envelope id is found to be one of ours.
#pragma once

#include "lib/base/result.h"
#include "lib/bounces/mail_parts.h"
#include "lib/bounces/reply_classifier.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::bounces {

enum class BounceMailKind : std::uint8_t {
    delivery_report,  // a server tells what became of a message
    complaint,        // a feedback report; the class may be complaint or unsubscribe
    auto_reply,       // a program answers for a person: auto_reply, vacation or challenge_response
    unsubscribe,      // a mail that asks to be taken off a list
    other,            // none of these: mail of a person, as far as can be told
};
[[nodiscard]] std::string_view name_of(BounceMailKind kind);

struct BouncedRecipient {
    std::string recipient;           // the address it is about; empty if the mail does not say
    std::string original_recipient;  // whom the sender wrote to, if a report names another (RFC 3464 §2.3.1)
    std::string action;              // "failed", "delayed", "delivered", …; as reported or as the text tells
    std::string status;              // RFC 3463; empty if none is known
    std::uint16_t code = 0;          // of the reply; 0 if none is known
    std::string remote_mta;
    std::string reason;  // what the server said, one line of at most 1,000 octets
    BounceClass kind = BounceClass::unknown;
    BounceNature nature = BounceNature::soft;
    std::string rule;  // what told, see ReplyVerdict
};

struct BounceMail {
    BounceMailKind kind = BounceMailKind::other;
    std::string reporting_mta;
    std::string original_message_id;           // without angle brackets; of the message that came back
    std::string original_envelope_id;          // ENVID of RFC 3461
    std::string original_sender;               // From of the message that came back, if it is there: an address
    std::vector<BouncedRecipient> recipients;  // none for `other`
};

struct BounceMailBounds {
    PartBounds parts;
    std::size_t recipients = 200;  // more are not reported
};

// `content`: a whole mail as it came; line ends may be LF. What the last reply called temporary stays soft, even in a
// report that gives up; a delay is never hard.
// Errors: limit – the header section is larger than lib/mail reads.
[[nodiscard]] Result<BounceMail> read_bounce_mail(std::string_view content, const PatternTable& patterns,
                                                  const BounceMailBounds& bounds = {});

}  // namespace relevo::bounces

// From what a server said to why it said so: one class of a stable list, and the rule that told.
//
// In this order, the first that knows: (1) a pattern of the provider: its own codes say more than the status it borrows
// for them; (2) an enhanced status that has one meaning in practice; (3) a pattern of anyone's; (4) a status that
// stands for several reasons; (5) the reply code.
#pragma once

#include "lib/bounces/bounce_class.h"
#include "lib/bounces/pattern_table.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo::bounces {

// What the server replied to: it knew no more of the message than what came up to there.
enum class ReplyStage : std::uint8_t {
    unknown,
    greeting,   // nothing but our address
    hello,      // our name
    mail,       // the sender
    recipient,  // RCPT
    content,    // DATA, or the end of the message: the recipient had been accepted
};
[[nodiscard]] std::string_view name_of(ReplyStage stage);

struct ReplyFacts {
    std::uint16_t code = 0;   // 200..599; 0: nobody replied, or it is not known
    std::string_view status;  // "5.1.1"; may be empty: one in the text counts then
    std::string_view text;    // what it said, or our own words; the first PatternTable::text_limit_octets count
    std::string_view host;    // who said it, or the domain of the recipient; may be empty
    ReplyStage stage = ReplyStage::unknown;
};

// What told, the surest first.
enum class VerdictBasis : std::uint8_t { provider_pattern, exact_status, pattern, general_status, code, nothing };

struct ReplyVerdict {
    BounceClass kind = BounceClass::unknown;
    BounceNature nature = BounceNature::soft;
    VerdictBasis basis = VerdictBasis::nothing;
    std::string rule;    // "status 5.1.1", "google: 4.7.28 (line 12)", "code 552"; empty if nothing told
    std::string status;  // as given or as found in the text; may be empty
};

// A reply to the greeting, to HELO or to MAIL cannot be about the recipient: what would say so is about our address,
// our name or the sender. "No such user" behind content, when RCPT had been accepted, may be a filter that says so: the
// class stays, its nature is soft unless the status is X.1.1. Nature: a 4yz, or a status 4.x.x without a code, is soft
// even for an address that "does not exist": the server wants to be asked again (RFC 5321 §4.2.1). What keeps its
// nature is a block, since waiting does not end it.
[[nodiscard]] ReplyVerdict classify_reply(const ReplyFacts& facts, const PatternTable& patterns);

// The code and status that a line of text begins with, "550-5.1.1 No such user" or "smtp; 550 5.1.1 …"; else the first
// that stand in it as a reply does; `text` begins there, and `stage` is what the words around tell ("in reply to MAIL
// FROM command", "after RCPT TO", ">>> DATA"). `code` 0 and an empty status if there are none. Views into `text`.
[[nodiscard]] ReplyFacts read_reply(std::string_view text);

// A reply as people are shown it: on one line, at most 1,000 octets of it.
[[nodiscard]] std::string shown_reply(std::string_view text);

}  // namespace relevo::bounces

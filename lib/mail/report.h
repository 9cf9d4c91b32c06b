// Delivery status notifications (RFC 3461 §6, RFC 3464, RFC 6522, RFC 6533), in Spanish and English.
#pragma once

#include "lib/base/result.h"
#include "lib/mail/envelope.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mail {

enum class Language : std::uint8_t { english, spanish };

// "en" or "es". Errors: invalid.
[[nodiscard]] Result<Language> parse_language(std::string_view text);

// Action field (RFC 3464 §2.3.3).
enum class DeliveryAction : std::uint8_t { failed, delayed, delivered, relayed, expanded };

struct RecipientReport {
    Recipient recipient;
    DeliveryAction action = DeliveryAction::failed;
    std::string status;       // "5.1.1"
    std::string diagnostic;   // the server's reply, "550 5.1.1 No such user"; empty if it never spoke
    std::string remote_mta;   // host name of the server that replied; empty if none
    std::string explanation;  // one sentence for the sender when there is no reply ("no server answered within 4 days")
    std::chrono::system_clock::time_point last_attempt;
    std::chrono::system_clock::time_point will_retry_until;  // only for delayed
};

struct DeliveryReport {
    Language language = Language::english;
    std::string reporting_mta;    // our host name
    std::string from_domain;      // MAILER-DAEMON@this in the From field
    ReversePath original_sender;  // whom the report goes to; never <> (the caller checks)
    std::string envelope_id;      // xtext as received
    DsnReturn dsn_return = DsnReturn::unspecified;
    std::string message_id;  // for the report's own Message-ID field, without angle brackets
    std::string queue_id;
    std::chrono::system_clock::time_point arrival;
    std::chrono::system_clock::time_point now;
    std::vector<RecipientReport> recipients;
};

// The whole report as content with CRLF lines: multipart/report of text for people, message/delivery-status, and the
// original's header (or, for RET=FULL and failures, all of it up to `full_return_limit_octets`). Auto-Submitted:
// auto-replied (RFC 3834). `smtputf8` is set only if the sender's own address needs it: then the parts are of the
// message/global-* types (RFC 6533); other UTF-8 addresses travel encoded, so that the report reaches every sender.
// `eight_bit`: any octet over 127, which without SMTPUTF8 only a fully returned original brings in (it may not be
// encoded: RFC 2046 §5.2.1). Nothing hostile in a reply can leave its field. Lines are at most 998 octets.
struct BuiltReport {
    std::string content;
    bool smtputf8 = false;
    bool eight_bit = false;
};
[[nodiscard]] BuiltReport build_report(const DeliveryReport& report, std::string_view original_content,
                                       std::size_t full_return_limit_octets = 64 * 1024);

// xtext (RFC 3461 §4): "+2B" for "+". Decoding fails softly: what is not xtext is returned as it is.
[[nodiscard]] std::string decode_xtext(std::string_view text);
[[nodiscard]] std::string encode_xtext(std::string_view text);

}  // namespace relevo::mail

// The Authentication-Results field (RFC 8601): written from verdicts, read, and removed where a stranger wrote it in
// our name. Whatever a stranger chose (addresses, domains, selectors) cannot leave the value it stands in.
#pragma once

#include "lib/base/result.h"
#include "lib/mail/message.h"
#include "lib/mailauth/results.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo::mailauth {

// "smtp.mailfrom=alice@example.com" (RFC 8601 §2.2 propspec).
struct ReportedProperty {
    std::string type;   // "smtp", "header", "policy", "body"; lower case when read
    std::string name;   // "mailfrom", "d"; lower case when read
    std::string value;  // without quotes
    friend bool operator==(const ReportedProperty&, const ReportedProperty&) = default;
};

// "dkim=pass (2048-bit key) reason="…" header.d=example.com" (§2.2 resinfo).
struct ReportedResult {
    std::string method;  // "dkim"; lower case when read
    unsigned version = 1;
    std::string result;   // "pass"; lower case when read
    std::string comment;  // all that stood or shall stand in parentheses behind the result
    std::string reason;
    std::vector<ReportedProperty> properties;
    // The value of the first property "header.d"; "" if there is none.
    [[nodiscard]] std::string_view property(std::string_view type, std::string_view name) const;
    friend bool operator==(const ReportedResult&, const ReportedResult&) = default;
};

struct AuthenticationResults {
    std::string authserv_id;  // who says so
    std::vector<ReportedResult> results;
    friend bool operator==(const AuthenticationResults&, const AuthenticationResults&) = default;
};

// What the verdicts say, in registered methods and properties: auth, iprev, spf, dmarc, arc, and dkim for each
// signature (RFC 8601 §2.7, RFC 6008, RFC 8617 §6, RFC 9989). dkim comes last: a stranger chooses how many signatures
// there are.
[[nodiscard]] AuthenticationResults reported_results(std::string_view authserv_id, const MessageVerdicts& verdicts);

// The payload (§2.2 authres-payload), folded with CRLF HTAB at 78 octets where a word allows it, without a final CRLF.
// `column`: octets that stand before it on its line.
// What cannot be written as it is: domains become A-labels (RFC 8616 §4: what is not asked for as U-labels); of an
// address with an unusual local part (quoted, UTF-8 with Utf8::refused) only the domain stays; in other values each
// octet that might be syntax to somebody (";", "(", quotes, control characters, non-ASCII) becomes "?"; a value over
// 320 octets is left out rather than cut. Bounds: 64 results, 16 properties of each, 200 octets of comment and reason;
// no further result once there are 16 KiB.
[[nodiscard]] std::string authentication_results_payload(const AuthenticationResults& results, mail::Utf8 utf8,
                                                         std::size_t column = 0);
// The whole field, "Authentication-Results: …" CRLF.
[[nodiscard]] std::string authentication_results_field(const AuthenticationResults& results, mail::Utf8 utf8);

struct ReadResults {
    AuthenticationResults content;
    std::vector<std::string> deviations;  // from the grammar of RFC 8601, each one named; none: strictly right
};
// Reads a field's value. Tolerant where large senders are wrong (no authserv-id in front, unquoted "/", ":" and "=" in
// values, properties without a type, empty results): what is no result is left out and named as a deviation.
// Errors: invalid     – a comment or quoted string without an end, or nothing that could be an authserv-id.
//         unsupported – a version other than 1 (§2.5 tells consumers not to guess).
//         limit       – over 64 KiB, 200 results, 50 properties of one result.
[[nodiscard]] Result<ReadResults> parse_authentication_results(std::string_view field_value);

// Whether a field's value claims to be of `authserv_id` to any reader that it might have (§5): letter case, quotes,
// comments, version numbers, final dots, U- and A-labels, control characters make no difference; neither does the place
// (some write it behind the first result). A value that cannot be read, or whose authserv-id cannot be compared
// (encoded-words, not UTF-8), claims to be anybody's.
[[nodiscard]] bool has_our_authserv_id(std::string_view field_value, std::string_view authserv_id);

// The ranges [begin, end) of `content`, ascending and joined, of all Authentication-Results fields that claim to be
// ours. On entry they must go, for they came from outside (§5). `header` is the content's.
[[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> forged_results(const mail::Header& header,
                                                                              std::string_view content,
                                                                              std::string_view authserv_id);

}  // namespace relevo::mailauth

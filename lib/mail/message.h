// Looking at and preparing a message without re-writing it: fields are found by offset, the octets stay as they came.
#pragma once

#include "lib/base/result.h"
#include "lib/mail/address.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mail {

// One header field by place; `raw` includes folding and the final CRLF.
struct Field {
    std::string_view name;   // as written
    std::string_view value;  // after the colon, before the final CRLF, folding kept
    std::string_view raw;
};

// The header section, parsed once; views point into the content, which must outlive it.
// Tolerant as RFC 5322 §4 asks: a line that is no field ends the header section. Limits: 2 MiB or 10,000 fields, then
// `limit`.
class Header {
 public:
    [[nodiscard]] static Result<Header> parse(std::string_view content);
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
    [[nodiscard]] const Field* find(std::string_view name) const;  // the first one, case ignored
    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] std::size_t body_offset() const {
        return body_offset_;
    }  // after the empty line; without one, the first line that is no field, or content.size()

 private:
    std::vector<Field> fields_;
    std::size_t body_offset_ = 0;
};

// Every mailbox of an address-list field such as From or Reply-To (RFC 5322 §3.4, groups as RFC 6854 allows in From).
// Display names and comments are skipped; encoded-words are never decoded inside an addr-spec. At most 1,000 addresses;
// none if there are only empty groups.
// Errors: invalid – does not parse, or could be read in two ways. limit.
[[nodiscard]] Result<std::vector<Address>> parse_address_list(std::string_view field_value);

// Folding removed, outer white space trimmed.
[[nodiscard]] std::string unfolded(std::string_view field_value);

// "Mon, 23 Nov 2026 12:00:00 +0000" (RFC 5322 §3.3), always in UTC.
[[nodiscard]] std::string format_date(std::chrono::system_clock::time_point time);

// How a message came to us, for the Received field (RFC 5321 §4.4, RFC 3848, RFC 8314 §4.3).
struct ReceivedInfo {
    std::string client_name;  // EHLO argument
    std::string
        client_address;  // "192.0.2.1" or "2001:db8::1"; empty: leave the from clause out (privacy of submitters)
    std::string client_reverse_name;  // empty if unknown
    std::string host_name;            // ours
    std::string with;                 // "ESMTPSA", "UTF8SMTPS", …: received_protocol()
    std::string tls;                  // "TLSv1.3:TLS_AES_256_GCM_SHA384"; empty if none
    std::string id;                   // queue id
    std::string for_recipient;        // only when there is exactly one; empty if not
    std::chrono::system_clock::time_point time;
};
// The folded field with CRLF; hostile client names come out quoted or replaced, never as syntax.
[[nodiscard]] std::string received_field(const ReceivedInfo& info);
// The registered "with" keyword.
[[nodiscard]] std::string_view received_protocol(bool extended, bool tls, bool authenticated, bool smtputf8);

// What submission changes (RFC 6409 §8): Date and Message-ID are added if missing, Bcc and Resent-Bcc removed,
// everything else stays as it is.
struct SubmissionFixes {
    std::string prefix;  // fields to put in front of the content
    std::vector<std::pair<std::size_t, std::size_t>>
        removed;  // ranges [begin, end) of the content to leave out, ascending
    // Where an empty line goes in because the content has none between header section and body (then always after
    // `removed`); receivers would part the two in different places.
    std::optional<std::size_t> separator_offset;
};
// The place for that line, if it is missing.
[[nodiscard]] std::optional<std::size_t> missing_separator(const Header& header, std::string_view content);
[[nodiscard]] SubmissionFixes fixes_for_submission(const Header& header, std::string_view content,
                                                   std::string_view message_id,
                                                   std::chrono::system_clock::time_point now);
// The fields of the message that apply_fixes() makes, from the top down, without parsing it again: views into the
// content and into `fixes`. Those of a `prefix` given to apply_fixes() are not among them.
[[nodiscard]] std::vector<Field> fields_after(const Header& header, std::string_view content,
                                              const SubmissionFixes& fixes);
[[nodiscard]] std::string apply_fixes(std::string_view prefix, std::string_view content, const SubmissionFixes& fixes);

// Number of Received fields, to cut loops (RFC 5321 §6.3).
[[nodiscard]] std::size_t count_hops(const Header& header);

}  // namespace relevo::mail

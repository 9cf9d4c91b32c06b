// What a server says after each command (RFC 5321 §4.2, RFC 3463, RFC 2034).
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::smtp {

// class.subject.detail (RFC 3463 §2).
struct EnhancedStatus {
    std::uint8_t category = 0;  // 2, 4 or 5
    std::uint16_t subject = 0;
    std::uint16_t detail = 0;

    [[nodiscard]] std::string text() const;
    // "5.7.1" and nothing after it. Errors: invalid.
    [[nodiscard]] static Result<EnhancedStatus> parse(std::string_view text);
    friend auto operator<=>(const EnhancedStatus&, const EnhancedStatus&) = default;
};

struct Reply {
    std::uint16_t code = 0;                // 200..599
    std::optional<EnhancedStatus> status;  // absent when the peer sent none
    std::string text;                      // lines joined by '\n', without CRLF and without the status code

    [[nodiscard]] bool is_positive() const { return code >= 200 && code < 400; }
    [[nodiscard]] bool is_transient() const { return code >= 400 && code < 500; }
    [[nodiscard]] bool is_permanent() const { return code >= 500; }
    // One line for logs and reports: "550 5.1.1 no such user", lines joined by " / ".
    [[nodiscard]] std::string one_line() const;
};

// Appends the reply as it goes over the wire: every line with its code, '-' or ' ', the status if there is one, CRLF.
// Lines over 510 octets are broken; control characters in `text` become '?', so no reply can be split by its content.
void append_wire(std::string& wire, const Reply& reply);

// Parses one whole reply, continuation lines included. `wire` must end with its last CRLF (a bare LF is tolerated, as
// peers send it). Errors: invalid – not the grammar of RFC 5321 §4.2, or lines with different codes.
//         limit   – a line over 2,048 octets (§4.5.3.1.5 allows 512; peers exceed it) or over 100 lines.
[[nodiscard]] Result<Reply> parse_reply(std::string_view wire);

}  // namespace relevo::smtp

// The parts of a message that are read as HTML pages (RFC 2045, 2046), by their places in it.
#pragma once

#include "lib/base/octets.h"
#include "lib/tracking/link_target.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::tracking {

enum class TransferEncoding : std::uint8_t { identity, quoted_printable, base64 };

struct HtmlPart {
    std::size_t begin = 0, end = 0;  // of its encoded body in the message, without the line end before a boundary
    TransferEncoding encoding = TransferEncoding::identity;
    Charset charset = Charset::utf8;
};

// Why a message must stay as it is, to the last octet.
enum class Protection : std::uint8_t {
    none,
    is_signed,          // S/MIME or PGP/MIME (RFC 8551, RFC 3156)
    is_encrypted,       // the same, or PGP's armour in its text (RFC 9580 §6)
    signed_by_others,   // a DKIM or ARC signature of a domain that we do not sign for
    nested_too_deeply,  // multiparts within multiparts
    has_too_many_parts,
    is_too_large,
    not_readable,  // its header is too large
};
[[nodiscard]] std::string_view name_of(Protection protection);

struct PartScan {
    Protection protection = Protection::none;
    std::vector<HtmlPart> parts;  // in order; none if it is protected
};

// Of the message: each level of parts is read once more, on the thread that serves others too.
inline constexpr Octets message_limit_octets = 16 * mebibyte;
inline constexpr std::size_t depth_limit = 16;
inline constexpr std::size_t part_limit = 500;
inline constexpr Octets part_limit_octets = 1 * mebibyte;  // encoded; an HTML part that is larger is none for us

// Left out: attachments, messages in the message, parts that say two things about themselves, charsets in which '<' may
// be something else or that we do not know, encodings we do not know, parts over their limit.
[[nodiscard]] PartScan find_html_parts(std::string_view content);

}  // namespace relevo::tracking

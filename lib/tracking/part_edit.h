// Changing a few places of an encoded part, and as little as possible of the rest.
#pragma once

#include "lib/tracking/html_parts.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::tracking {

// The octets of a part behind its transfer encoding, and where each of them lies in it.
class DecodedPart {
 public:
    // nullopt: base 64 with anything in it that does not belong there, so that programs may read it in two ways.
    [[nodiscard]] static std::optional<DecodedPart> decode(std::string_view encoded, TransferEncoding encoding);
    [[nodiscard]] const std::string& octets() const { return octets_; }

    // Octets [begin, end) of octets() become `text` (printable ASCII, no line end); `break_at`, at most `begin`, is
    // where a line may end instead, being between two attributes or tags.
    struct Edit {
        std::size_t begin = 0, end = 0;
        std::string text;
        std::size_t break_at = 0;
    };
    // The encoded part with `edits`, ascending and not overlapping. Lines stay within 998 octets, encoded ones within
    // 76, as far as they were (RFC 5322 §2.1.1, RFC 2045 §6.7, §6.8). All else stays as it is; in base 64 all that
    // comes behind the first edit is encoded anew.
    [[nodiscard]] std::string with(const std::vector<Edit>& edits) const;

 private:
    void decode_quoted_printable();
    [[nodiscard]] std::string edited_octets(const std::vector<Edit>& edits) const;
    [[nodiscard]] std::string edited_lines(const std::vector<Edit>& edits) const;
    [[nodiscard]] std::string edited_quoted_printable(const std::vector<Edit>& edits) const;
    [[nodiscard]] std::string edited_base64(const std::vector<Edit>& edits) const;

    std::string_view encoded_;
    TransferEncoding encoding_ = TransferEncoding::identity;
    std::string octets_;
    // Quoted-printable: octet i lies at [places_[i].begin, places_[i].end).
    struct Place {
        std::uint32_t begin = 0, end = 0;
    };
    std::vector<Place> places_;
};

}  // namespace relevo::tracking

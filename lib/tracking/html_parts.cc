#include "lib/tracking/html_parts.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"
#include "lib/tracking/content_type.h"

#include <algorithm>
#include <array>
#include <optional>

namespace relevo::tracking {
namespace {

// Whatever has ASCII as it is and never an octet of '<', '>', quotes or '&' within another character.
std::optional<Charset> charset_of(std::string_view name) {
    if (name.empty() || equals_ignoring_case(name, "us-ascii") || equals_ignoring_case(name, "ascii") ||
        equals_ignoring_case(name, "utf-8") || equals_ignoring_case(name, "utf8"))
        return Charset::utf8;
    constexpr std::array<std::string_view, 6> families{"iso-8859-", "iso8859-", "windows-125",
                                                       "cp125",     "koi8-",    "euc-"};
    constexpr std::array<std::string_view, 11> others{"latin1",    "gb2312",      "gbk",           "gb18030",
                                                      "big5",      "shift_jis",   "windows-874",   "tis-620",
                                                      "macintosh", "windows-31j", "ks_c_5601-1987"};
    const auto begins = [&](std::string_view family) { return starts_with_ignoring_case(name, family); };
    const auto is = [&](std::string_view other) { return equals_ignoring_case(name, other); };
    if (std::ranges::any_of(families, begins) || std::ranges::any_of(others, is)) return Charset::other;
    return std::nullopt;
}

std::optional<TransferEncoding> encoding_of(std::string_view name) {
    for (const std::string_view same : {"", "7bit", "8bit", "binary"})
        if (equals_ignoring_case(name, same)) return TransferEncoding::identity;
    if (equals_ignoring_case(name, "quoted-printable")) return TransferEncoding::quoted_printable;
    if (equals_ignoring_case(name, "base64")) return TransferEncoding::base64;
    return std::nullopt;
}

// The value of a field that stands there at most once; "": it does not. nullopt: twice.
std::optional<std::string> only_value(const mail::Header& header, std::string_view name) {
    const std::size_t count = header.count(name);
    if (count > 1) return std::nullopt;
    return count == 0 ? std::string() : mail::unfolded(header.find(name)->value);
}

struct Range {
    std::size_t begin = 0, end = 0;
};

// What lies between the boundaries of a multipart (RFC 2046 §5.1.1).
std::vector<Range> split_at_boundary(std::string_view content, Range within, std::string_view boundary,
                                     std::size_t limit) {
    const std::string delimiter = "--" + std::string(boundary);
    std::vector<Range> parts;
    std::optional<std::size_t> begin;
    for (std::size_t line = within.begin; line < within.end;) {
        const std::size_t line_feed = std::min(content.find('\n', line), within.end);
        const std::size_t next = std::min(line_feed + 1, within.end);
        const std::string_view text = content.substr(line, line_feed - line);
        if (text.starts_with(delimiter)) {
            const std::string_view rest = trimmed(text.substr(delimiter.size()));
            if (rest.empty() || rest == "--") {
                std::size_t end = line;  // the line end in front belongs to the boundary
                if (begin && end > *begin && content[end - 1] == '\n') --end;
                if (begin && end > *begin && content[end - 1] == '\r') --end;
                if (begin) parts.push_back({*begin, end});
                begin.reset();
                if (rest == "--" || parts.size() > limit) return parts;
                begin = next;
            }
        }
        line = next;
    }
    if (begin) parts.push_back({*begin, within.end});
    return parts;
}

class Scanner {
 public:
    explicit Scanner(std::string_view content) : content_(content) {}

    PartScan run() {
        if (content_.contains("-----BEGIN PGP ")) scan_.protection = Protection::is_encrypted;
        // Parts wait in a list of their own: the nesting of a stranger's message is not that of our calls.
        std::vector<Waiting> waiting{{{0, content_.size()}, 0}};
        while (!waiting.empty() && scan_.protection == Protection::none) {
            const Waiting part = waiting.back();
            waiting.pop_back();
            if (++parts_ > part_limit) {
                scan_.protection = Protection::has_too_many_parts;
                break;
            }
            look_at(part, waiting);
        }
        if (scan_.protection != Protection::none) scan_.parts.clear();
        return std::move(scan_);
    }

 private:
    struct Waiting {
        Range place;
        std::size_t depth = 0;
    };

    void look_at(const Waiting& part, std::vector<Waiting>& waiting) {
        const std::string_view octets = content_.substr(part.place.begin, part.place.end - part.place.begin);
        const auto header = mail::Header::parse(octets);
        if (!header.has_value()) return protect(Protection::not_readable);
        const auto type_text = only_value(*header, "Content-Type");
        if (!type_text) return;
        const auto type = parse_field_with_parameters(*type_text);
        if (!type) return;  // no field: text/plain
        if (type->value == "multipart/signed") return protect(Protection::is_signed);
        if (type->value == "multipart/encrypted" || type->value.ends_with("pkcs7-mime") ||
            type->value == "application/pgp-encrypted")
            return protect(Protection::is_encrypted);
        const Range body{part.place.begin + header->body_offset(), part.place.end};
        if (type->value.starts_with("multipart/")) return open(*type, body, part.depth, waiting);
        if (type->value == "text/html") take(*header, *type, body);
    }

    void open(const FieldWithParameters& type, Range body, std::size_t depth, std::vector<Waiting>& waiting) {
        const std::string* boundary = type.find("boundary");
        if (boundary == nullptr || boundary->empty()) return;
        if (depth == depth_limit) return protect(Protection::nested_too_deeply);
        const std::vector<Range> parts = split_at_boundary(content_, body, *boundary, part_limit);
        // The first is looked at first: parts come out in order.
        for (const Range part : std::vector<Range>(parts.rbegin(), parts.rend())) waiting.push_back({part, depth + 1});
    }

    void take(const mail::Header& header, const FieldWithParameters& type, Range body) {
        const auto disposition_text = only_value(header, "Content-Disposition");
        const auto encoding_text = only_value(header, "Content-Transfer-Encoding");
        if (!disposition_text || !encoding_text) return;
        if (!disposition_text->empty()) {
            const auto disposition = parse_field_with_parameters(*disposition_text);
            if (!disposition || disposition->value != "inline") return;
        }
        const std::string* charset_name = type.find("charset");
        const auto charset = charset_of(charset_name == nullptr ? "" : *charset_name);
        const auto encoding = encoding_of(trimmed(*encoding_text));
        if (!charset || !encoding || body.end - body.begin > part_limit_octets) return;
        scan_.parts.push_back({.begin = body.begin, .end = body.end, .encoding = *encoding, .charset = *charset});
    }

    void protect(Protection protection) { scan_.protection = protection; }

    std::string_view content_;
    PartScan scan_;
    std::size_t parts_ = 0;
};

}  // namespace

std::string_view name_of(Protection protection) {
    switch (protection) {
        case Protection::none: return "none";
        case Protection::is_signed: return "signed";
        case Protection::is_encrypted: return "encrypted";
        case Protection::signed_by_others: return "signed by others";
        case Protection::nested_too_deeply: return "nested too deeply";
        case Protection::has_too_many_parts: return "too many parts";
        case Protection::is_too_large: return "too large";
        case Protection::not_readable: return "not readable";
    }
    return "none";
}

PartScan find_html_parts(std::string_view content) {
    if (content.size() > message_limit_octets) return {.protection = Protection::is_too_large, .parts = {}};
    return Scanner(content).run();
}

}  // namespace relevo::tracking

#include "lib/tracking/part_edit.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <algorithm>

namespace relevo::tracking {
namespace {

constexpr std::size_t line_limit_octets = 998;         // RFC 5322 §2.1.1
constexpr std::size_t encoded_line_limit_octets = 76;  // RFC 2045 §6.7, §6.8

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Length of the soft line break at the beginning of `text`, with white space that was added on the way; 0: none.
std::size_t soft_break(std::string_view text) {
    std::size_t end = 1;
    while (end < text.size() && (text[end] == ' ' || text[end] == '\t')) ++end;
    if (end < text.size() && text[end] == '\r') ++end;
    return end < text.size() && text[end] == '\n' ? end + 1 : 0;
}

bool is_base64_space(char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; }

std::size_t column_of(std::string_view text) {
    const std::size_t line_feed = text.rfind('\n');
    return line_feed == std::string_view::npos ? text.size() : text.size() - line_feed - 1;
}

}  // namespace

std::optional<DecodedPart> DecodedPart::decode(std::string_view encoded, TransferEncoding encoding) {
    DecodedPart part;
    part.encoded_ = encoded;
    part.encoding_ = encoding;
    switch (encoding) {
        case TransferEncoding::identity: part.octets_ = encoded; break;
        case TransferEncoding::quoted_printable: part.decode_quoted_printable(); break;
        case TransferEncoding::base64: {
            std::string text;
            std::ranges::copy_if(encoded, std::back_inserter(text), [](char c) { return !is_base64_space(c); });
            auto octets = decode_base64(text);
            if (!octets.has_value()) return std::nullopt;
            part.octets_ = *std::move(octets);
        }
    }
    return part;
}

void DecodedPart::decode_quoted_printable() {
    octets_.reserve(encoded_.size());
    places_.reserve(encoded_.size());
    for (std::size_t i = 0; i < encoded_.size();) {
        std::size_t length = 1;
        char octet = encoded_[i];
        if (octet == '=') {
            if (const std::size_t soft = soft_break(encoded_.substr(i)); soft > 0) {
                i += soft;
                continue;
            }
            const int high = i + 2 < encoded_.size() ? hex_value(encoded_[i + 1]) : -1;
            const int low = i + 2 < encoded_.size() ? hex_value(encoded_[i + 2]) : -1;
            if (high >= 0 && low >= 0) {  // else the '=' stands for itself
                octet = static_cast<char>(high * 16 + low);
                length = 3;
            }
        }
        octets_ += octet;
        places_.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i + length)});
        i += length;
    }
}

std::string DecodedPart::with(const std::vector<Edit>& edits) const {
    if (edits.empty()) return std::string(encoded_);
    switch (encoding_) {
        case TransferEncoding::identity: return edited_lines(edits);
        case TransferEncoding::quoted_printable: return edited_quoted_printable(edits);
        case TransferEncoding::base64: return edited_base64(edits);
    }
    return std::string(encoded_);
}

std::string DecodedPart::edited_octets(const std::vector<Edit>& edits) const {
    std::string text;
    std::size_t done = 0;
    for (const Edit& edit : edits) {
        text.append(octets_, done, edit.begin - done).append(edit.text);
        done = edit.end;
    }
    return text.append(octets_, done);
}

// A line that would become too long by its edits ends before each of them.
std::string DecodedPart::edited_lines(const std::vector<Edit>& edits) const {
    std::string text;
    std::size_t done = 0;
    for (auto edit = edits.begin(); edit != edits.end();) {
        // Those whose lines run together: a value may hold line ends.
        const std::size_t line_end = std::min(encoded_.find('\n', edit->end), encoded_.size());
        auto last = edit;
        std::size_t length = column_of(encoded_.substr(0, edit->begin)) + (line_end - edit->begin);
        for (; last != edits.end() && last->begin <= line_end; ++last)
            length = length + last->text.size() - std::min(length, last->end - last->begin);
        const bool is_long = length > line_limit_octets;
        for (; edit != last; ++edit) {
            const std::size_t break_at = std::max(edit->break_at, done);
            text.append(encoded_.substr(done, break_at - done));
            if (is_long && column_of(text) > 0) text += "\r\n";
            text.append(encoded_.substr(break_at, edit->begin - break_at)).append(edit->text);
            done = edit->end;
        }
    }
    return text.append(encoded_.substr(done));
}

std::string DecodedPart::edited_quoted_printable(const std::vector<Edit>& edits) const {
    std::string text;
    std::size_t done = 0;
    const auto begin_of = [this](std::size_t octet) -> std::size_t {
        if (octet < places_.size()) return places_[octet].begin;
        return places_.empty() ? 0 : places_.back().end;
    };
    // What is written behind an edit takes part of a line that was full.
    const auto copy = [&](std::size_t from, std::size_t to) {
        std::string_view line = encoded_.substr(from, encoded_line_limit_octets + 2);
        line = line.substr(0, line.find('\n'));
        const std::size_t visible = line.ends_with('\r') ? line.size() - 1 : line.size();
        if (from > 0 && visible > 0 && column_of(text) + visible > encoded_line_limit_octets) text += "=\r\n";
        text.append(encoded_.substr(from, to - from));
    };
    for (const Edit& edit : edits) {
        copy(done, begin_of(edit.begin));
        std::size_t column = column_of(text);
        for (const char c : edit.text) {
            const std::size_t size = c == '=' ? 3 : 1;
            if (column + size >= encoded_line_limit_octets) {
                text += "=\r\n";
                column = 0;
            }
            if (c == '=')
                text += "=3D";
            else
                text += c;
            column += size;
        }
        done = edit.end > edit.begin ? places_[edit.end - 1].end : begin_of(edit.begin);
    }
    copy(done, encoded_.size());
    return text;
}

std::string DecodedPart::edited_base64(const std::vector<Edit>& edits) const {
    const std::string base64 = encode_base64(edited_octets(edits));
    const std::size_t first_line = std::min(encoded_.find_first_of("\r\n"), encoded_.size());
    const bool is_usual = first_line >= 4 && first_line <= encoded_line_limit_octets && first_line % 4 == 0 &&
                          first_line < encoded_.size();
    const std::size_t width = is_usual ? first_line : encoded_line_limit_octets;
    std::string text;
    for (std::size_t i = 0; i < base64.size(); i += width) {
        if (i > 0) text += "\r\n";
        text.append(base64, i, width);
    }
    std::size_t end = encoded_.size();
    while (end > 0 && is_base64_space(encoded_[end - 1])) --end;
    return text.append(encoded_.substr(end));
}

}  // namespace relevo::tracking

#include "lib/mailauth/dkim_canonical.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace relevo::mailauth {
namespace {

constexpr std::size_t block_octets = 64;         // looked at together
constexpr std::size_t buffer_octets = 8 * 1024;  // hashed together
constexpr std::size_t direct_octets = 1024;      // from here on hashing in place is cheaper than copying

constexpr std::string_view empty_lines = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

// 1 or 0, found without branches, so that the compiler looks at many octets at once.
using Flag = std::uint8_t;
constexpr Flag is(char c, char wanted) { return static_cast<Flag>(c == wanted); }
constexpr Flag is_blank(char c) { return is(c, ' ') | is(c, '\t'); }

// Set if canonicalisation may change the octet `c` of a body that `next` follows: a CR and an LF that are not a pair,
// and for relaxed a tab, and a blank at the end of a line or before another blank.
constexpr Flag is_unpaired(char c, char next) { return is(c, '\r') ^ is(next, '\n'); }
constexpr Flag is_dropped(char c, char next) {
    return is_blank(c) & (is_blank(next) | is(next, '\r') | is(next, '\n'));
}
template <Canonicalisation canonicalisation>
constexpr Flag may_change(char c, char next) {
    if constexpr (canonicalisation == Canonicalisation::simple) return is_unpaired(c, next);
    return is_unpaired(c, next) | is(c, '\t') | is_dropped(c, next);
}

// True if a whole block at the front of `text` stays as it is. The octet after the block must be there too.
template <Canonicalisation canonicalisation>
bool unchanged_block(std::string_view text) {
    if (text.size() <= block_octets) return false;
    Flag changes = 0;
    for (std::size_t i = 0; i < block_octets; ++i) changes |= may_change<canonicalisation>(text[i], text[i + 1]);
    return changes == 0;
}

template <Canonicalisation canonicalisation>
std::size_t unchanged_octets(std::string_view text) {
    std::size_t at = 0;
    while (unchanged_block<canonicalisation>(text.substr(at))) at += block_octets;
    return at;
}

std::size_t unchanged_octets(Canonicalisation canonicalisation, std::string_view text) {
    return canonicalisation == Canonicalisation::simple ? unchanged_octets<Canonicalisation::simple>(text)
                                                        : unchanged_octets<Canonicalisation::relaxed>(text);
}

// An LF ends a line as CRLF does, because mail::Header reads it so; a CR without LF is an octet like any other.
void append_simple_field(std::string& out, std::string_view raw) {
    while (!raw.empty()) {
        const std::size_t lf = raw.find('\n');
        std::string_view line = raw.substr(0, lf);
        if (lf != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
        out.append(line).append("\r\n");
        raw.remove_prefix(lf == std::string_view::npos ? raw.size() : lf + 1);
    }
}

void append_relaxed_field(std::string& out, std::string_view raw) {
    const std::size_t colon = std::min(raw.find(':'), raw.size());
    const std::size_t begin = out.size();
    // Nothing gets longer, but for a line end that was missing. Written through a pointer, once for each field that is
    // signed or checked.
    out.resize_and_overwrite(begin + raw.size() + 3, [&](char* text, std::size_t) {
        char* at = text + begin;
        for (const char c : trimmed(raw.substr(0, colon))) *at++ = to_lower(c);
        *at++ = ':';
        bool blank = false;
        bool empty = true;
        for (std::size_t i = colon + 1; i < raw.size(); ++i) {
            const char c = raw[i];
            if (c == '\n' || (c == '\r' && raw.substr(i + 1).starts_with('\n')))
                continue;  // a blank follows, or the end
            if (is_blank(c) != 0) {
                blank = true;
                continue;
            }
            if (std::exchange(blank, false) && !empty) *at++ = ' ';
            *at++ = c;
            empty = false;
        }
        *at++ = '\r';
        *at++ = '\n';
        return static_cast<std::size_t>(at - text);
    });
}

// The field without the value of its tag b=.
std::string without_signature_value(std::string_view raw) {
    std::size_t tag = std::min(raw.find(':'), raw.size());
    while (tag < raw.size()) {
        ++tag;  // behind the colon or semicolon
        const std::size_t end = std::min(raw.find(';', tag), raw.size());
        const std::string_view spec = raw.substr(tag, end - tag);
        const std::size_t equals = spec.find('=');
        if (equals != std::string_view::npos && trimmed(spec.substr(0, equals)) == "b")
            return std::string(raw.substr(0, tag + equals + 1)).append(raw.substr(end));
        tag = end;
    }
    return std::string(raw);
}

}  // namespace

std::string_view name_of(Canonicalisation canonicalisation) {
    return canonicalisation == Canonicalisation::simple ? "simple" : "relaxed";
}

BodyHasher::BodyHasher(Canonicalisation canonicalisation, std::uint64_t limit_octets, BareLineEnds bare_line_ends)
    : canonicalisation_(canonicalisation), bare_line_ends_(bare_line_ends), limit_octets_(limit_octets) {
    buffer_.reserve(buffer_octets);
}

void BodyHasher::update(std::string_view piece) {
    // A blank before a CR vanishes if that ends the line; whether it does, the last octet of a block cannot always
    // tell.
    const bool reduces_blanks =
        canonicalisation_ == Canonicalisation::relaxed && bare_line_ends_ == BareLineEnds::converted;
    while (!piece.empty()) {
        if (held_.cr && piece.front() == '\n') {
            held_ = {held_.line_ends + 1};
            piece.remove_prefix(1);
            continue;
        }
        // What is still held, or a bare LF, depends on what came before: that the slow way settles.
        if (!held_.cr && !held_.space && piece.front() != '\n') {
            if (const std::size_t unchanged = unchanged_octets(canonicalisation_, piece); unchanged > 0) {
                take_plain(piece.substr(0, unchanged));
                piece.remove_prefix(unchanged);
                continue;  // it may have ended between CR and LF
            }
            if (reduces_blanks && unchanged_block<Canonicalisation::simple>(piece)) {
                take_blanks(piece);
                piece.remove_prefix(block_octets);
                continue;
            }
        }
        const std::size_t odd = std::min(piece.size(), block_octets);
        take_odd(piece.substr(0, odd));
        piece.remove_prefix(odd);
    }
}

// A block that needs nothing but its blanks reduced, and the octet after it. Keeps of several blanks the last, unless
// the line ends there: that needs no state and no branch.
void BodyHasher::take_blanks(std::string_view text) {
    std::array<char, block_octets + 1> octets;
    std::array<Flag, block_octets> kept;
    std::ranges::copy(text.substr(0, octets.size()), octets.begin());
    for (std::size_t i = 0; i < block_octets; ++i) kept[i] = is_dropped(octets[i], octets[i + 1]) ^ 1;
    for (char& c : octets) c = c == '\t' ? ' ' : c;
    std::array<char, block_octets> reduced;
    std::size_t length = 0;
    for (std::size_t i = 0; i < block_octets; ++i) {
        reduced[length] = octets[i];
        length += kept[i];
    }
    take_plain({reduced.data(), length});
}

// Octets that canonicalisation leaves alone, but for the empty lines that may turn out to be the last ones.
void BodyHasher::take_plain(std::string_view run) {
    const bool splits_pair = run.ends_with('\r');
    if (splits_pair) run.remove_suffix(1);
    std::size_t line_ends = 0;
    while (run.ends_with("\r\n")) {
        run.remove_suffix(2);
        ++line_ends;
    }
    if (!run.empty()) {
        write_line_ends(std::exchange(held_.line_ends, 0));
        write(run);
    }
    held_.line_ends += line_ends;
    held_.cr = splits_pair;
}

// Octet by octet, at most a block of them, written together. Works on copies of what is held: the compiler must take
// any octet written for a change of the members.
void BodyHasher::take_odd(std::string_view octets) {
    const bool relaxed = canonicalisation_ == Canonicalisation::relaxed;
    const bool converts = bare_line_ends_ == BareLineEnds::converted;
    std::array<char, 2 * block_octets + 4> text;  // each octet gives two at most, after a line end and a blank held
    std::size_t length = 0;
    Held held = held_;
    const auto add = [&](char c) {
        if (held.line_ends > 0) {
            if (held.line_ends > 1) {
                write({text.data(), std::exchange(length, 0)});
                write_line_ends(held.line_ends - 1);
            }
            text[length++] = '\r';
            text[length++] = '\n';
            held.line_ends = 0;
        }
        if (held.space) text[length++] = ' ';
        held.space = false;
        text[length++] = c;
    };
    const auto end_line = [&] {
        held.space = false;
        ++held.line_ends;
    };
    for (const char c : octets) {
        const bool ends_pair = held.cr && c == '\n';
        if (held.cr && !ends_pair) converts ? end_line() : add('\r');
        held.cr = c == '\r';
        if (ends_pair || (c == '\n' && converts))
            end_line();
        else if (relaxed && is_blank(c) != 0)
            held.space = true;
        else if (c != '\r')
            add(c);
    }
    held_ = held;
    write({text.data(), length});
}

void BodyHasher::write_line_ends(std::uint64_t count) {
    while (count > 0) {
        const auto together = std::min<std::uint64_t>(count, empty_lines.size() / 2);
        write(empty_lines.substr(0, together * 2));
        count -= together;
    }
}

void BodyHasher::write(std::string_view octets) {
    canonical_octets_ += octets.size();
    const std::string_view hashed =
        octets.substr(0, std::min<std::uint64_t>(octets.size(), limit_octets_ - hashed_octets_));
    hashed_octets_ += hashed.size();
    if (buffer_.size() + hashed.size() > buffer_octets || hashed.size() >= direct_octets) hash_buffer();
    if (hashed.size() >= direct_octets)
        hash_.update(hashed);
    else
        buffer_.append(hashed);
}

void BodyHasher::hash_buffer() {
    hash_.update(buffer_);
    buffer_.clear();
}

BodyHash BodyHasher::finish() {
    if (held_.cr && bare_line_ends_ == BareLineEnds::literal) {
        write_line_ends(held_.line_ends);
        write(held_.space ? " \r" : "\r");
    }
    // Empty lines at the end of the body are ignored; a body that is not empty then ends with CRLF. An empty one is a
    // CRLF for simple (§3.4.3) and nothing for relaxed (§3.4.4).
    held_ = {};
    if (canonicalisation_ == Canonicalisation::simple || canonical_octets_ > 0) write("\r\n");
    hash_buffer();
    return {hash_.finish(), std::exchange(canonical_octets_, 0), std::exchange(hashed_octets_, 0)};
}

void append_canonical_field(std::string& out, Canonicalisation canonicalisation, std::string_view raw) {
    if (canonicalisation == Canonicalisation::simple)
        append_simple_field(out, raw);
    else
        append_relaxed_field(out, raw);
}

void append_signature_field(std::string& out, Canonicalisation canonicalisation, std::string_view raw) {
    append_canonical_field(out, canonicalisation, without_signature_value(raw));
    out.resize(out.size() - 2);
}

SignedFields::SignedFields(std::span<const mail::Field> fields) {
    raw_by_name_.reserve(fields.size());
    for (const mail::Field& field : fields) raw_by_name_[to_lower(field.name)].push_back(field.raw);
}

void SignedFields::append(std::string& out, Canonicalisation canonicalisation, const std::vector<std::string>& names,
                          std::string_view own) const {
    std::unordered_map<std::string, std::size_t> taken;
    for (const std::string& name : names) {
        std::string lower_case = to_lower(name);
        const auto found = raw_by_name_.find(lower_case);
        if (found == raw_by_name_.end()) continue;
        const auto& fields = found->second;
        std::size_t& count = taken[std::move(lower_case)];
        if (count < fields.size() && fields[fields.size() - 1 - count].data() == own.data()) ++count;
        if (count == fields.size()) continue;
        ++count;
        append_canonical_field(out, canonicalisation, fields[fields.size() - count]);
    }
}

std::size_t SignedFields::count(const std::string& lower_case_name) const {
    const auto found = raw_by_name_.find(lower_case_name);
    return found == raw_by_name_.end() ? 0 : found->second.size();
}

}  // namespace relevo::mailauth

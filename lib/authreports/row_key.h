// How a row of a report that is being counted becomes one text: its fields, each followed by U+001F. Equal rows have
// equal texts.
#pragma once

#include "lib/base/text.h"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace relevo::authreports {

inline constexpr char key_separator = '\x1F';
inline constexpr std::size_t key_value_limit_octets = 255;  // what is longer is cut

// printable() leaves no control character in a value, so the separator stands for itself alone.
class KeyWriter {
 public:
    void add(std::string_view value) { (key_ += printable(value, key_value_limit_octets)) += key_separator; }
    template <class Number>
        requires std::is_integral_v<Number>
    void add(Number value) {
        (key_ += std::to_string(value)) += key_separator;
    }
    template <class Enum>
        requires std::is_enum_v<Enum>
    void add(Enum value) {
        add(static_cast<unsigned>(std::to_underlying(value)));
    }
    [[nodiscard]] std::string take() && { return std::move(key_); }

 private:
    std::string key_;
};

// What is missing or out of bounds reads as nothing; failed() tells in the end.
class KeyReader {
 public:
    explicit KeyReader(std::string_view key) : rest_(key) {}
    std::string text() {
        const auto end = rest_.find(key_separator);
        if (end == std::string_view::npos) {
            failed_ = true;
            return {};
        }
        std::string value(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return value;
    }
    unsigned number(unsigned most) {
        const auto value = parse_decimal<unsigned>(text());
        if (!value || *value > most) failed_ = true;
        return failed_ ? 0 : *value;
    }
    template <class Enum>
    Enum enumerator(Enum last) {
        return static_cast<Enum>(number(std::to_underlying(last)));
    }
    [[nodiscard]] bool failed() const { return failed_ || !rest_.empty(); }

 private:
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace relevo::authreports

// An address in texts of all kinds: found as a whole, in any case, and taken out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo {

// In place of an address that was erased. Never an address: nothing below "invalid" exists (RFC 6761 §6.4).
inline constexpr std::string_view erased_address = "erased@erased.invalid";

// Threads: any.
class PersonText {
 public:
    // `address`: as comparable_address() gives it.
    explicit PersonText(std::string address);

    [[nodiscard]] const std::string& address() const { return address_; }
    // Whether `text` is that address, in any case, with its domain in either form.
    [[nodiscard]] bool is(std::string_view text) const;
    // With erased_address in place of each whole occurrence, in links ("bob%40example.net") too: the part of a longer
    // address is none.
    [[nodiscard]] std::string without(std::string_view text) const;
    // For `LIKE … ESCAPE '\'`: finds all texts that without() changes, and perhaps others.
    [[nodiscard]] const std::string& pattern() const { return pattern_; }

    // The detail of an event that is of the person alone: what happened, and nothing of whom, from where or in whose
    // words.
    enum class EventOf : std::uint8_t { recipient, message };
    [[nodiscard]] static std::string bare_detail(std::string_view detail, EventOf of);

 private:
    [[nodiscard]] std::string without(std::string_view text, std::string_view form) const;
    std::string address_;
    std::string in_links_;  // with "%40"
    std::string local_part_;
    std::string pattern_;
};

}  // namespace relevo

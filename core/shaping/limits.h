// What limits the mail from one source to one destination. A value that is absent limits nothing, or leaves to delivery
// what it does by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::shaping {

// A date that people see: counts of a day survive restarts. A throttle copes with a clock that is set back.
using Time = std::chrono::system_clock::time_point;
inline constexpr Time never = Time::max();

enum class RateUnit : std::uint8_t { second, minute, hour, day };
[[nodiscard]] std::chrono::seconds length_of(RateUnit unit);

// At most so many in each unit; several units count at once. 0: no such limit.
struct Rates {
    std::uint32_t per_second = 0;
    std::uint32_t per_minute = 0;
    std::uint32_t per_hour = 0;
    std::uint32_t per_day = 0;

    [[nodiscard]] std::uint32_t of(RateUnit unit) const;
    void set(RateUnit unit, std::uint32_t amount);
    // What seconds and minutes allow, a second; infinity if they do not limit.
    [[nodiscard]] double steady() const;
    // "100/s, 5000/d"; empty if there is none.
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Rates&, const Rates&) = default;
};

// What the connection must be, whatever the destination publishes.
enum class TlsMode : std::uint8_t {
    opportunistic,  // encrypted if the server offers it
    required,       // encrypted, with any certificate
    verified,       // encrypted, and the certificate names the server
    dane,           // encrypted, and TLSA records that the DNS vouches for name the certificate (RFC 7672)
};

// Public keys of which the server must show one, whatever its certificate says of names and dates.
struct KeyPins {
    std::vector<std::string> digests;  // SHA-256 of the keys, 32 octets each
    friend bool operator==(const KeyPins&, const KeyPins&) = default;
};
// "sha256:" and 64 hexadecimal digits, as 32 octets.
[[nodiscard]] std::optional<std::string> parse_key_pin(std::string_view text);

struct Limits {
    std::optional<std::uint32_t> connections;  // at once
    std::optional<std::uint32_t> messages_per_connection;
    std::optional<std::uint32_t> recipients_per_transaction;
    std::optional<Rates> message_rate;  // a message to three recipients counts three times: so do providers
    std::optional<Rates> connection_rate;
    std::optional<std::chrono::seconds> idle_timeout;
    std::optional<std::chrono::seconds> connect_timeout, greeting_timeout, command_timeout, data_start_timeout,
        data_block_timeout, data_end_timeout;
    std::optional<TlsMode> tls;
    std::optional<KeyPins> tls_keys;  // goes before `tls`
    // After a connection that failed, and the most that it doubles to.
    std::optional<std::chrono::seconds> first_back_off, longest_back_off;
    std::optional<bool> adaptive;  // learn from replies what the destination takes; see docs/decisions/0012
    // The day's messages of a new source: what it begins with (absent or 0: it is warm), by what a good day is
    // multiplied, what it ends at; and what a good day is: the largest shares of replies that are bad.
    std::optional<std::uint32_t> warm_up_start, warm_up_full;
    std::optional<double> warm_up_factor, warm_up_deferred, warm_up_bounced, warm_up_complained;

    friend bool operator==(const Limits&, const Limits&) = default;
};

// Calls visit(name, member) for each value, by its name in files, in the order that people read them.
template <class Visit>
void for_each_limit(Visit visit) {
    visit("connections", &Limits::connections);
    visit("messages_per_connection", &Limits::messages_per_connection);
    visit("recipients_per_transaction", &Limits::recipients_per_transaction);
    visit("message_rate", &Limits::message_rate);
    visit("connection_rate", &Limits::connection_rate);
    visit("tls", &Limits::tls);
    visit("tls_keys", &Limits::tls_keys);
    visit("adaptive", &Limits::adaptive);
    visit("first_back_off", &Limits::first_back_off);
    visit("longest_back_off", &Limits::longest_back_off);
    visit("idle_timeout", &Limits::idle_timeout);
    visit("connect_timeout", &Limits::connect_timeout);
    visit("greeting_timeout", &Limits::greeting_timeout);
    visit("command_timeout", &Limits::command_timeout);
    visit("data_start_timeout", &Limits::data_start_timeout);
    visit("data_block_timeout", &Limits::data_block_timeout);
    visit("data_end_timeout", &Limits::data_end_timeout);
    visit("warm_up_start", &Limits::warm_up_start);
    visit("warm_up_full", &Limits::warm_up_full);
    visit("warm_up_factor", &Limits::warm_up_factor);
    visit("warm_up_deferred", &Limits::warm_up_deferred);
    visit("warm_up_bounced", &Limits::warm_up_bounced);
    visit("warm_up_complained", &Limits::warm_up_complained);
}

// As files write them: "100/s, 5000/d", "30s", "verified", "true", "1.5".
[[nodiscard]] std::string text_of(const Rates& value);
[[nodiscard]] std::string text_of(std::uint32_t value);
[[nodiscard]] std::string text_of(double value);
[[nodiscard]] std::string text_of(bool value);
[[nodiscard]] std::string text_of(std::chrono::seconds value);
[[nodiscard]] std::string_view text_of(TlsMode value);
[[nodiscard]] std::string text_of(const KeyPins& value);  // "sha256:…, sha256:…"

// Takes over every value that `more` has and `limits` has not.
void complete(Limits& limits, const Limits& more);

}  // namespace relevo::shaping

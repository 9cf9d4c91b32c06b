#include "core/shaping/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace relevo::shaping {
namespace {

constexpr std::string_view pin_prefix = "sha256:";

constexpr std::array units = {RateUnit::second, RateUnit::minute, RateUnit::hour, RateUnit::day};

constexpr std::string_view name_in_files(RateUnit unit) {
    switch (unit) {
        case RateUnit::second: return "s";
        case RateUnit::minute: return "min";
        case RateUnit::hour: return "h";
        case RateUnit::day: return "d";
    }
    return "";
}

std::uint32_t Rates::* member_of(RateUnit unit) {
    switch (unit) {
        case RateUnit::second: return &Rates::per_second;
        case RateUnit::minute: return &Rates::per_minute;
        case RateUnit::hour: return &Rates::per_hour;
        case RateUnit::day: return &Rates::per_day;
    }
    return &Rates::per_second;
}

}  // namespace

std::chrono::seconds length_of(RateUnit unit) {
    switch (unit) {
        case RateUnit::second: return std::chrono::seconds(1);
        case RateUnit::minute: return std::chrono::minutes(1);
        case RateUnit::hour: return std::chrono::hours(1);
        case RateUnit::day: return std::chrono::days(1);
    }
    return std::chrono::seconds(1);
}

std::uint32_t Rates::of(RateUnit unit) const { return this->*member_of(unit); }

void Rates::set(RateUnit unit, std::uint32_t amount) { this->*member_of(unit) = amount; }

double Rates::steady() const {
    double rate = std::numeric_limits<double>::infinity();
    if (per_second > 0) rate = per_second;
    if (per_minute > 0) rate = std::min(rate, per_minute / 60.0);
    return rate;
}

std::string Rates::text() const {
    std::string text;
    for (const RateUnit unit : units)
        if (of(unit) > 0) text += fmt::format("{}{}/{}", text.empty() ? "" : ", ", of(unit), name_in_files(unit));
    return text;
}

std::string text_of(const Rates& value) { return value.text(); }
std::string text_of(std::uint32_t value) { return fmt::format("{}", value); }
std::string text_of(double value) { return fmt::format("{}", value); }
std::string text_of(bool value) { return value ? "true" : "false"; }

std::string text_of(std::chrono::seconds value) {
    const auto count = value.count();
    if (count != 0 && count % 86400 == 0) return fmt::format("{}d", count / 86400);
    if (count != 0 && count % 3600 == 0) return fmt::format("{}h", count / 3600);
    if (count != 0 && count % 60 == 0) return fmt::format("{}min", count / 60);
    return fmt::format("{}s", count);
}

std::string_view text_of(TlsMode value) {
    switch (value) {
        case TlsMode::opportunistic: return "opportunistic";
        case TlsMode::required: return "required";
        case TlsMode::verified: return "verified";
        case TlsMode::dane: return "dane";
    }
    return "";
}

std::optional<std::string> parse_key_pin(std::string_view text) {
    if (!text.starts_with(pin_prefix) || text.size() != pin_prefix.size() + 64) return std::nullopt;
    std::string octets;
    for (std::size_t at = pin_prefix.size(); at < text.size(); at += 2) {
        unsigned char octet = 0;
        const char* const end = text.data() + at + 2;
        const auto [read_to, problem] = std::from_chars(text.data() + at, end, octet, 16);
        if (problem != std::errc() || read_to != end) return std::nullopt;
        octets += static_cast<char>(octet);
    }
    return octets;
}

std::string text_of(const KeyPins& value) {
    std::string text;
    for (const std::string& digest : value.digests) {
        (text += text.empty() ? "" : ", ") += pin_prefix;
        for (const char octet : digest) text += fmt::format("{:02x}", static_cast<unsigned char>(octet));
    }
    return text;
}

void complete(Limits& limits, const Limits& more) {
    for_each_limit([&](std::string_view, auto member) {
        if (!(limits.*member)) limits.*member = more.*member;
    });
}

}  // namespace relevo::shaping

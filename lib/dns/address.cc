#include "lib/base/text.h"
#include "lib/dns/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <optional>

namespace relevo::dns {
namespace {

bool is_v4_mapped(const std::array<std::uint8_t, 16>& octets) {
    return std::all_of(octets.begin(), octets.begin() + 10, [](std::uint8_t octet) { return octet == 0; }) &&
           octets[10] == 0xff && octets[11] == 0xff;
}

std::uint8_t mask_of_octet(unsigned index, unsigned prefix_bits) {
    if (prefix_bits >= (index + 1) * 8) return 0xff;
    if (prefix_bits <= index * 8) return 0;
    return static_cast<std::uint8_t>(0xff << (8 - (prefix_bits - index * 8)));
}

struct Block {
    std::array<std::uint8_t, 16> base;
    unsigned prefix_bits;
};

// The registries of RFC 6890, with multicast and reserved space.
constexpr Block special_v4[] = {
    {{0}, 8},             // this network
    {{10}, 8},            // private
    {{100, 64}, 10},      // shared, carrier-grade NAT
    {{127}, 8},           // loopback
    {{169, 254}, 16},     // link-local
    {{172, 16}, 12},      // private
    {{192, 0, 0}, 24},    // protocol assignments
    {{192, 0, 2}, 24},    // documentation
    {{192, 88, 99}, 24},  // former 6to4 relays
    {{192, 168}, 16},     // private
    {{198, 18}, 15},      // benchmarks
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
};
constexpr Block special_v6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 96},  // v4-compatible; unspecified and loopback with it
    {{0x01, 0x00}, 64},                          // discard only
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48},  // local translation
    {{0x20, 0x01, 0x00}, 23},                    // protocol assignments, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32},              // documentation
    {{0x3f, 0xff, 0x00}, 20},                    // documentation
    {{0xfc}, 7},                                 // unique local
    {{0xfe, 0x80}, 10},                          // link-local
    {{0xfe, 0xc0}, 10},                          // former site-local
    {{0xff}, 8},                                 // multicast
};

bool lies_in(std::span<const std::uint8_t> octets, std::span<const std::uint8_t> base, unsigned prefix_bits) {
    for (unsigned index = 0; index < octets.size() && index * 8 < prefix_bits; ++index)
        if (((octets[index] ^ base[index]) & mask_of_octet(index, prefix_bits)) != 0) return false;
    return true;
}

bool lies_in_any(std::span<const std::uint8_t> octets, std::span<const Block> blocks) {
    return std::ranges::any_of(blocks,
                               [octets](const Block& block) { return lies_in(octets, block.base, block.prefix_bits); });
}

// An IPv4 address inside IPv6: translated (RFC 6052) or 6to4 (RFC 3056). Its own kind counts, or a hostile AAAA
// record reaches 127.0.0.1 through a translator.
std::optional<std::array<std::uint8_t, 4>> embedded_v4(std::span<const std::uint8_t> octets) {
    constexpr std::array<std::uint8_t, 12> translation = {0x00, 0x64, 0xff, 0x9b};
    if (lies_in(octets, translation, 96)) return std::array{octets[12], octets[13], octets[14], octets[15]};
    if (octets[0] == 0x20 && octets[1] == 0x02) return std::array{octets[2], octets[3], octets[4], octets[5]};
    return std::nullopt;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    if (terminated.find('\0') == std::string::npos) {
        std::array<std::uint8_t, 4> four{};
        if (inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
        std::array<std::uint8_t, 16> sixteen{};
        if (inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) == 1) return v6(sixteen);
    }
    return failure(ErrorKind::invalid, fmt::format("\"{}\" is not an IP address", printable(text, 80)));
}

IpAddress IpAddress::v4(const std::array<std::uint8_t, 4>& octets) {
    IpAddress address;
    std::ranges::copy(octets, address.octets_.begin());
    return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& octets) {
    if (is_v4_mapped(octets)) return v4({octets[12], octets[13], octets[14], octets[15]});
    IpAddress address;
    address.octets_ = octets;
    address.is_v4_ = false;
    return address;
}

std::string IpAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (!is_v4_) {
        inet_ntop(AF_INET6, octets_.data(), buffer.data(), buffer.size());
        return buffer.data();
    }
    // Several times a message: inet_ntop() goes through sprintf().
    char* end = buffer.data();
    for (std::size_t index = 0; index < 4; ++index) {
        if (index > 0) *end++ = '.';
        end = std::to_chars(end, buffer.data() + buffer.size(), octets_[index]).ptr;
    }
    return {buffer.data(), end};
}

std::string IpAddress::reverse_name() const {
    if (is_v4_) return fmt::format("{}.{}.{}.{}.in-addr.arpa", octets_[3], octets_[2], octets_[1], octets_[0]);
    std::string name;
    for (unsigned index = 16; index-- > 0;)
        name += fmt::format("{:x}.{:x}.", octets_[index] & 0x0fU, octets_[index] >> 4U);
    return name + "ip6.arpa";
}

bool IpAddress::is_special() const {
    if (is_v4_) return lies_in_any(octets(), special_v4);
    if (const auto inner = embedded_v4(octets())) return v4(*inner).is_special();
    return lies_in_any(octets(), special_v6);
}

bool IpAddress::is_loopback() const {
    if (is_v4_) return octets_[0] == 127;
    return std::all_of(octets_.begin(), octets_.end() - 1, [](std::uint8_t octet) { return octet == 0; }) &&
           octets_[15] == 1;
}

Result<Network> Network::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    RELEVO_TRY(IpAddress base, IpAddress::parse(text.substr(0, slash)));
    const unsigned width = base.is_v4() ? 32 : 128;
    Network network;
    network.base_ = base;
    network.prefix_bits_ = width;
    if (slash == std::string_view::npos) return network;

    const auto prefix = parse_decimal<unsigned>(text.substr(slash + 1));
    if (!prefix || *prefix > width)
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\": the prefix must be 0 to {}", printable(text, 80), width));
    network.prefix_bits_ = *prefix;
    for (unsigned index = 0; index < base.octets().size(); ++index)
        if ((base.octets()[index] & ~mask_of_octet(index, *prefix) & 0xff) != 0)
            return failure(ErrorKind::invalid,
                           fmt::format("\"{}\" has bits set behind its prefix of {}", printable(text, 80), *prefix));
    return network;
}

bool Network::contains(const IpAddress& address) const {
    return address.is_v4() == base_.is_v4() && lies_in(address.octets(), base_.octets(), prefix_bits_);
}

std::string Network::text() const { return fmt::format("{}/{}", base_.text(), prefix_bits_); }

}  // namespace relevo::dns

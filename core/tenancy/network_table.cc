#include "core/tenancy/network_table.h"

#include "lib/base/text.h"

#include <algorithm>
#include <string>

namespace relevo {

NetworkParts parts_of(const dns::Network& network) {
    const std::string text = network.text();
    const auto pieces = split(text, '/');
    NetworkParts parts;
    if (auto base = dns::IpAddress::parse(pieces[0]); base.has_value()) parts.base = *base;
    parts.prefix_bits = parts.base.is_v4() ? 32 : 128;
    if (pieces.size() == 2) parts.prefix_bits = parse_decimal<unsigned>(pieces[1]).value_or(parts.prefix_bits);
    return parts;
}

dns::IpAddress masked(const dns::IpAddress& address, unsigned prefix_bits) {
    std::array<std::uint8_t, 16> octets{};
    std::ranges::copy(address.octets(), octets.begin());
    for (std::size_t i = 0; i < octets.size(); ++i) {
        const auto first_bit = static_cast<unsigned>(i) * 8;
        if (first_bit >= prefix_bits)
            octets.at(i) = 0;
        else if (first_bit + 8 > prefix_bits)
            octets.at(i) &= static_cast<std::uint8_t>(0xff00U >> (prefix_bits - first_bit));
    }
    if (address.is_v4()) return dns::IpAddress::v4({octets[0], octets[1], octets[2], octets[3]});
    return dns::IpAddress::v6(octets);
}

NetworkTable::Key NetworkTable::key_of(const dns::IpAddress& address, unsigned prefix_bits) {
    Key key;
    key.octets[0] = address.is_v4() ? 4 : 6;
    key.octets[1] = static_cast<std::uint8_t>(prefix_bits);
    const auto base = masked(address, prefix_bits);
    std::ranges::copy(base.octets(), key.octets.begin() + 2);
    return key;
}

void NetworkTable::insert(const dns::Network& network, std::size_t value) {
    const auto [base, prefix_bits] = parts_of(network);
    values_.emplace(key_of(base, prefix_bits), value);
    (base.is_v4() ? v4_prefixes_ : v6_prefixes_).insert(prefix_bits);
}

std::optional<std::size_t> NetworkTable::find(const dns::IpAddress& address) const {
    for (const unsigned prefix_bits : address.is_v4() ? v4_prefixes_ : v6_prefixes_) {
        const auto found = values_.find(key_of(address, prefix_bits));
        if (found != values_.end()) return found->second;
    }
    return std::nullopt;
}

}  // namespace relevo

// Finds the narrowest of many networks that contains an address.
#pragma once

#include "lib/dns/record.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>

namespace relevo {

struct NetworkParts {
    dns::IpAddress base;
    unsigned prefix_bits = 0;
};
[[nodiscard]] NetworkParts parts_of(const dns::Network& network);

// The address with all but its first bits cleared.
[[nodiscard]] dns::IpAddress masked(const dns::IpAddress& address, unsigned prefix_bits);

// One look-up per distinct prefix length (rarely more than five), not per network. Threads: reads from any.
class NetworkTable {
 public:
    // A network that is there already keeps its first value.
    void insert(const dns::Network& network, std::size_t value);
    [[nodiscard]] std::optional<std::size_t> find(const dns::IpAddress& address) const;

 private:
    struct Key {
        std::array<std::uint8_t, 18> octets{};  // family, prefix length, address
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return std::hash<std::string_view>{}({reinterpret_cast<const char*>(key.octets.data()), key.octets.size()});
        }
    };
    [[nodiscard]] static Key key_of(const dns::IpAddress& address, unsigned prefix_bits);

    std::unordered_map<Key, std::size_t, KeyHash> values_;
    std::set<unsigned, std::greater<>> v4_prefixes_, v6_prefixes_;  // longest first
};

}  // namespace relevo

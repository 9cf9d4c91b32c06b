// Questions to the DNS and their answers, as data (RFC 1035, RFC 3596, RFC 6698); who asks and how is a port's
// business.
#pragma once

#include "lib/base/result.h"

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::dns {

enum class RecordType : std::uint16_t {
    a = 1,
    ns = 2,
    cname = 5,
    soa = 6,
    ptr = 12,
    mx = 15,
    txt = 16,
    aaaa = 28,
    tlsa = 52
};

enum class Security : std::uint8_t {
    insecure,  // no chain of signatures covers the answer
    secure,    // validated by DNSSEC
    bogus,     // validation failed: the answer must not be used
};

// The error of a bogus answer, of kind temporary: "DNSSEC validation failed: …".
[[nodiscard]] Error bogus_error(std::string_view why);
[[nodiscard]] bool is_bogus(const Error& error);

// An IPv4 or IPv6 address; IPv4-mapped IPv6 is turned into IPv4.
class IpAddress {
 public:
    [[nodiscard]] static Result<IpAddress> parse(std::string_view text);  // Errors: invalid
    [[nodiscard]] static IpAddress v4(const std::array<std::uint8_t, 4>& octets);
    [[nodiscard]] static IpAddress v6(const std::array<std::uint8_t, 16>& octets);
    [[nodiscard]] bool is_v4() const { return is_v4_; }
    [[nodiscard]] std::span<const std::uint8_t> octets() const { return {octets_.data(), is_v4_ ? 4U : 16U}; }
    [[nodiscard]] std::string text() const;
    // "192.0.2.1" as "1.2.0.192.in-addr.arpa", IPv6 by nibbles under ip6.arpa.
    [[nodiscard]] std::string reverse_name() const;
    // Loopback, private, link-local, unspecified, multicast, documentation, shared (RFC 6890): never a public mail
    // server.
    [[nodiscard]] bool is_special() const;
    [[nodiscard]] bool is_loopback() const;
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
    std::array<std::uint8_t, 16> octets_{};
    bool is_v4_ = true;
};

// "192.0.2.0/24", "2001:db8::/32", or one address.
class Network {
 public:
    [[nodiscard]] static Result<Network> parse(std::string_view text);  // Errors: invalid, also when host bits are set
    [[nodiscard]] bool contains(const IpAddress& address) const;
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Network&, const Network&) = default;

 private:
    IpAddress base_;
    unsigned prefix_bits_ = 32;
};

struct MailExchange {
    std::uint16_t preference = 0;
    std::string exchange;  // lower case, no final dot; "" is the root: null MX (RFC 7505)
};

struct Answer {
    bool name_exists = true;  // false: NXDOMAIN
    Security security = Security::insecure;
    std::string canonical_name;  // where CNAMEs led, lower case, no final dot
    std::chrono::seconds ttl{0};
    std::vector<IpAddress> addresses;     // A, AAAA
    std::vector<MailExchange> exchanges;  // MX, unsorted
    std::vector<std::string> texts;       // TXT (strings of a record joined), PTR, NS, CNAME names
    std::vector<std::string> data;        // raw RDATA, for TLSA and others
};

// Builds an Answer from the RDATA of each record of `type`. Errors: invalid – a record is malformed.
[[nodiscard]] Result<Answer> decode_records(RecordType type, const std::vector<std::string_view>& rdata);
// A domain name in wire form, uncompressed, to lower-case text without a final dot. Errors: invalid.
[[nodiscard]] Result<std::string> decode_name(std::string_view wire);

}  // namespace relevo::dns

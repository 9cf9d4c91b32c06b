// Where a service of a domain is to be found: SRV records (RFC 2782). Answers have them as raw data.
#pragma once

#include "lib/dns/record.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo::dns {

// Beside the types of record.h, which zone texts and answer tables know.
inline constexpr RecordType service_record{33};

struct Service {
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
    std::uint16_t port = 0;
    std::string target;  // lower case, no final dot; "" is the root: there is no such service

    [[nodiscard]] std::string text() const;  // "0 1 587 mail.example.com", as in a zone file less the final dot
    friend bool operator==(const Service&, const Service&) = default;
};

// Errors: invalid – malformed.
[[nodiscard]] Result<Service> decode_service(std::string_view rdata);
[[nodiscard]] std::string encode_service(const Service& service);  // `target` must be a domain name

}  // namespace relevo::dns

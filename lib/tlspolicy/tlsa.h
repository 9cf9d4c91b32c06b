// TLSA records (RFC 6698 §2) as mail servers use them (RFC 7672): which certificate a server shows. Reading only.
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo::tlspolicy {

// The numbers as they stand there, registered (RFC 7218) or not.
struct TlsaRecord {
    std::uint8_t usage = 0;     // 2: DANE-TA, 3: DANE-EE; 0 and 1 are not for mail
    std::uint8_t selector = 0;  // 0: whole certificate, 1: public key
    std::uint8_t matching = 0;  // 0: all of it, 1: SHA-256, 2: SHA-512
    std::string data;           // raw octets
    // "3 1 1 0C72AC…": as in a zone file, the data cut behind `data_limit` octets.
    [[nodiscard]] std::string text(std::size_t data_limit = 64) const;
};

// Errors: invalid – shorter than three numbers and one octet of data.
[[nodiscard]] Result<TlsaRecord> parse_tlsa(std::string_view rdata);

// Why sending servers pass over the record (RFC 7672 §3.1, RFC 6698 §2.1), and what to publish instead; "" if they use
// it.
[[nodiscard]] std::string problem_of(const TlsaRecord& record);

// "DANE-EE(3)", "SPKI(1)", "SHA2-256(1)" (RFC 7218); "unknown(9)".
[[nodiscard]] std::string usage_name(const TlsaRecord& record);
[[nodiscard]] std::string selector_name(const TlsaRecord& record);
[[nodiscard]] std::string matching_name(const TlsaRecord& record);

}  // namespace relevo::tlspolicy

#include "lib/tlspolicy/tlsa.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace relevo::tlspolicy {
namespace {

std::string named(std::span<const std::string_view> names, std::uint8_t number) {
    return fmt::format("{}({})", number < names.size() ? names[number] : "unknown", number);
}

constexpr auto usage_names = std::to_array<std::string_view>({"PKIX-TA", "PKIX-EE", "DANE-TA", "DANE-EE"});
constexpr auto selector_names = std::to_array<std::string_view>({"Cert", "SPKI"});
constexpr auto matching_names = std::to_array<std::string_view>({"Full", "SHA2-256", "SHA2-512"});

}  // namespace

std::string TlsaRecord::text(std::size_t data_limit) const {
    std::string text = fmt::format("{} {} {} ", usage, selector, matching);
    for (const char octet : data.substr(0, data_limit))
        text += fmt::format("{:02X}", static_cast<unsigned>(static_cast<unsigned char>(octet)));
    return data.size() > data_limit ? text + "…" : text;
}

Result<TlsaRecord> parse_tlsa(std::string_view rdata) {
    if (rdata.size() < 4) return failure(ErrorKind::invalid, "a TLSA record has three numbers and some data");
    const auto octet = [&](std::size_t index) { return static_cast<std::uint8_t>(rdata[index]); };
    return TlsaRecord{
        .usage = octet(0), .selector = octet(1), .matching = octet(2), .data = std::string(rdata.substr(3))};
}

std::string problem_of(const TlsaRecord& record) {
    if (record.usage < 2)
        return fmt::format("mail servers pass over usage {} (RFC 7672 §3.1.3): publish 3 1 1 instead", record.usage);
    if (record.usage > 3) return fmt::format("usage {} does not exist: publish 3 1 1 instead", record.usage);
    if (record.selector > 1) return fmt::format("selector {} does not exist: publish 3 1 1 instead", record.selector);
    if (record.matching > 2)
        return fmt::format("matching type {} does not exist: publish 3 1 1 instead", record.matching);
    constexpr std::array<std::size_t, 3> digest_octets{0, 32, 64};
    const std::size_t wanted = digest_octets[record.matching];
    if (wanted != 0 && record.data.size() != wanted)
        return fmt::format("the digest has {} octets, and must have {}", record.data.size(), wanted);
    return {};
}

std::string usage_name(const TlsaRecord& record) { return named(usage_names, record.usage); }
std::string selector_name(const TlsaRecord& record) { return named(selector_names, record.selector); }
std::string matching_name(const TlsaRecord& record) { return named(matching_names, record.matching); }

}  // namespace relevo::tlspolicy

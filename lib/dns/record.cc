#include "lib/dns/record.h"

#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::dns {
namespace {

constexpr std::size_t name_limit_octets = 255;  // RFC 1035 §3.1, with length octets
constexpr std::size_t label_limit_octets = 63;
constexpr std::string_view bogus_detail = "DNSSEC validation failed: ";

std::unexpected<Error> malformed(std::string_view what) {
    return failure(ErrorKind::invalid, fmt::format("malformed DNS record: {}", what));
}

std::uint8_t octet_at(std::string_view wire, std::size_t position) { return static_cast<std::uint8_t>(wire[position]); }

template <std::size_t N>
Result<std::array<std::uint8_t, N>> address_octets(std::string_view rdata) {
    if (rdata.size() != N) return malformed("an address of the wrong length");
    std::array<std::uint8_t, N> octets{};
    for (std::size_t i = 0; i < N; ++i) octets[i] = octet_at(rdata, i);
    return octets;
}

Result<MailExchange> decode_exchange(std::string_view rdata) {
    if (rdata.size() < 3) return malformed("an MX record too short");
    RELEVO_TRY(std::string exchange, decode_name(rdata.substr(2)));
    const auto preference = static_cast<std::uint16_t>(octet_at(rdata, 0) << 8 | octet_at(rdata, 1));
    return MailExchange{preference, std::move(exchange)};
}

// One or more strings of a length octet and so many octets (RFC 1035 §3.3.14), joined without a space (RFC 7208 §3.3).
Result<std::string> decode_strings(std::string_view rdata) {
    if (rdata.empty()) return malformed("a TXT record without a string");
    std::string joined;
    while (!rdata.empty()) {
        const std::size_t length = octet_at(rdata, 0);
        if (length + 1 > rdata.size()) return malformed("a string that reaches beyond its TXT record");
        joined += rdata.substr(1, length);
        rdata.remove_prefix(length + 1);
    }
    return joined;
}

// Dots and backslashes inside a label, and what is not printable, come out as RFC 1035 §5.1 writes them: \. and \DDD,
// so that two different names never have the same text.
void append_label(std::string& name, std::string_view label) {
    for (const char c : label) {
        const auto octet = static_cast<std::uint8_t>(c);
        if (c == '.' || c == '\\')
            name += {'\\', c};
        else if (octet <= 0x20 || octet >= 0x7f)
            name += fmt::format("\\{:03}", octet);
        else
            name += to_lower(c);
    }
}

Result<void> decode_record(RecordType type, std::string_view rdata, Answer& answer) {
    switch (type) {
        case RecordType::a: {
            RELEVO_TRY(const auto octets, address_octets<4>(rdata));
            answer.addresses.push_back(IpAddress::v4(octets));
            return {};
        }
        case RecordType::aaaa: {
            RELEVO_TRY(const auto octets, address_octets<16>(rdata));
            answer.addresses.push_back(IpAddress::v6(octets));
            return {};
        }
        case RecordType::mx: {
            RELEVO_TRY(MailExchange exchange, decode_exchange(rdata));
            answer.exchanges.push_back(std::move(exchange));
            return {};
        }
        case RecordType::txt: {
            RELEVO_TRY(std::string text, decode_strings(rdata));
            answer.texts.push_back(std::move(text));
            return {};
        }
        case RecordType::ns:
        case RecordType::cname:
        case RecordType::ptr: {
            RELEVO_TRY(std::string name, decode_name(rdata));
            answer.texts.push_back(std::move(name));
            return {};
        }
        case RecordType::soa:
        case RecordType::tlsa: break;
    }
    answer.data.emplace_back(rdata);
    return {};
}

}  // namespace

Error bogus_error(std::string_view why) { return {ErrorKind::temporary, fmt::format("{}{}", bogus_detail, why)}; }

bool is_bogus(const Error& error) {
    return error.kind == ErrorKind::temporary && error.detail.starts_with(bogus_detail);
}

Result<Answer> decode_records(RecordType type, const std::vector<std::string_view>& rdata) {
    Answer answer;
    for (const std::string_view record : rdata) RELEVO_CHECK(decode_record(type, record, answer));
    return answer;
}

Result<std::string> decode_name(std::string_view wire) {
    if (wire.size() > name_limit_octets) return malformed("a name longer than 255 octets");
    std::string name;
    std::size_t position = 0;
    while (position < wire.size()) {
        const std::size_t length = octet_at(wire, position++);
        if (length == 0) {
            if (position != wire.size()) return malformed("octets behind the end of a name");
            return name;
        }
        // A compression pointer (RFC 1035 §4.1.4) has the two high bits set: there is no message to point into.
        if (length > label_limit_octets) return malformed("a label longer than 63 octets, or a pointer");
        if (length > wire.size() - position) return malformed("a label that reaches beyond its name");
        if (!name.empty()) name += '.';
        append_label(name, wire.substr(position, length));
        position += length;
    }
    return malformed("a name without its end");
}

}  // namespace relevo::dns

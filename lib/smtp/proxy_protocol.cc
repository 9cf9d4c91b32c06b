#include "lib/smtp/proxy_protocol.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace relevo::smtp {
namespace {

constexpr std::string_view signature_v1 = "PROXY ";
constexpr std::string_view signature_v2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t line_limit_octets = 107;  // §2.1, with CRLF
constexpr std::size_t fixed_part_octets = 16;   // §2.2: signature, version and command, family, length

ProxyHeader invalid(std::string problem) { return {.state = ProxyState::invalid, .problem = std::move(problem)}; }

// One is a beginning of the other.
bool may_begin_with(std::string_view octets, std::string_view signature) {
    const std::size_t shared = std::min(octets.size(), signature.size());
    return octets.substr(0, shared) == signature.substr(0, shared);
}

// --- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 50000 25" CRLF

std::optional<std::uint16_t> parse_port(std::string_view text) {
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    return parse_decimal<std::uint16_t>(text);
}

std::optional<ProxyEndpoint> parse_endpoint(std::string_view address, std::string_view port, bool is_v4) {
    // A mapped IPv6 address becomes IPv4 in dns::IpAddress; the family of the text is what counts here.
    const bool looks_v4 = address.find(':') == std::string_view::npos;
    const Result<dns::IpAddress> parsed = dns::IpAddress::parse(address);
    const std::optional<std::uint16_t> number = parse_port(port);
    if (!parsed.has_value() || !number || looks_v4 != is_v4) return std::nullopt;
    return ProxyEndpoint{*parsed, *number};
}

ProxyHeader parse_line(std::string_view line, std::size_t consumed) {
    ProxyHeader header{.state = ProxyState::complete, .consumed = consumed};
    // §2.1: after UNKNOWN the receiver "must ignore anything presented before the CRLF".
    if (line == "PROXY UNKNOWN" || line.starts_with("PROXY UNKNOWN ")) return header;
    const std::vector<std::string_view> words = split(line, ' ');
    if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6"))
        return invalid("not a PROXY line: " + printable(line, line_limit_octets));
    header.source = parse_endpoint(words[2], words[4], words[1] == "TCP4");
    header.destination = parse_endpoint(words[3], words[5], words[1] == "TCP4");
    if (!header.source || !header.destination)
        return invalid("a bad address or port: " + printable(line, line_limit_octets));
    return header;
}

ProxyHeader parse_v1(std::string_view octets) {
    const std::string_view window = octets.substr(0, line_limit_octets);
    const std::size_t end = window.find("\r\n");
    if (end != std::string_view::npos) return parse_line(window.substr(0, end), end + 2);
    if (window.size() == line_limit_octets) return invalid("a PROXY line of more than 107 octets");
    return {};
}

// --- version 2

std::size_t number_at(std::string_view octets, std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(octets[at])) << 8U |
           static_cast<unsigned char>(octets[at + 1]);
}

template <std::size_t Size>
std::array<std::uint8_t, Size> octets_at(std::string_view octets, std::size_t at) {
    std::array<std::uint8_t, Size> raw{};
    for (std::size_t i = 0; i < Size; ++i) raw[i] = static_cast<std::uint8_t>(octets[at + i]);
    return raw;
}

// Source address, destination address, source port, destination port; then TLVs.
ProxyHeader parse_addresses(std::string_view block, std::size_t consumed, bool is_v4) {
    const std::size_t size = is_v4 ? 4 : 16;
    if (block.size() < 2 * size + 4) return invalid("a PROXY header too short for its addresses");
    const auto endpoint = [&](std::size_t index) {
        const std::size_t at = index * size;
        return ProxyEndpoint{
            is_v4 ? dns::IpAddress::v4(octets_at<4>(block, at)) : dns::IpAddress::v6(octets_at<16>(block, at)),
            static_cast<std::uint16_t>(number_at(block, 2 * size + 2 * index))};
    };
    return {.state = ProxyState::complete,
            .consumed = consumed,
            .source = endpoint(0),
            .destination = endpoint(1),
            .problem = {}};
}

ProxyHeader parse_v2(std::string_view octets) {
    if (octets.size() < fixed_part_octets) return {};
    const auto version_and_command = static_cast<unsigned char>(octets[12]);
    const auto family = static_cast<unsigned char>(octets[13]);
    const std::size_t length = number_at(octets, 14);
    if (version_and_command != 0x20 && version_and_command != 0x21)
        return invalid("a PROXY header of unknown version or command");
    if (fixed_part_octets + length > proxy_header_limit_octets)
        return invalid("a PROXY header of more than 4096 octets");
    if (octets.size() < fixed_part_octets + length) return {};
    const std::size_t consumed = fixed_part_octets + length;
    const bool has_addresses = version_and_command == 0x21 && (family == 0x11 || family == 0x21);
    if (!has_addresses) return {.state = ProxyState::complete, .consumed = consumed};
    return parse_addresses(octets.substr(fixed_part_octets, length), consumed, family == 0x11);
}

void append_number(std::string& octets, std::size_t number) {
    octets += static_cast<char>(number >> 8U & 0xffU);
    octets += static_cast<char>(number & 0xffU);
}

}  // namespace

std::string proxy_header_v2(const ProxyEndpoint& source, const ProxyEndpoint& destination) {
    const bool is_v4 = source.address.is_v4();
    std::string header(signature_v2);
    header += 0x21;  // version 2, PROXY
    header += static_cast<char>(is_v4 ? 0x11 : 0x21);
    append_number(header, source.address.octets().size() + destination.address.octets().size() + 4);
    for (const ProxyEndpoint* endpoint : {&source, &destination})
        for (const std::uint8_t octet : endpoint->address.octets()) header += static_cast<char>(octet);
    append_number(header, source.port);
    append_number(header, destination.port);
    return header;
}

ProxyHeader parse_proxy_header(std::string_view octets) {
    if (octets.starts_with(signature_v1)) return parse_v1(octets);
    if (octets.starts_with(signature_v2)) return parse_v2(octets);
    if (may_begin_with(octets, signature_v1) || may_begin_with(octets, signature_v2)) return {};
    return invalid("no PROXY header: " + printable(octets.substr(0, 32)));
}

}  // namespace relevo::smtp

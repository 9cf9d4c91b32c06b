#include "app/configuration/value.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace relevo::configuration {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
constexpr std::array duration_units = {Unit{"w", 604800}, Unit{"d", 86400}, Unit{"h", 3600}, Unit{"min", 60},
                                       Unit{"s", 1}};
constexpr std::array size_units = {Unit{"TiB", std::uint64_t{1} << 40}, Unit{"GiB", std::uint64_t{1} << 30},
                                   Unit{"MiB", mebibyte}, Unit{"KiB", kibibyte}, Unit{"B", 1}};

constexpr std::uint64_t quantity_limit = std::uint64_t{1} << 53;

// What a value is, for a message: its text in quotes, or its kind.
std::string shown(const Node& node) {
    switch (node.kind) {
        case Node::Kind::text: return "\"" + printable(node.text, 80) + "\"";
        case Node::Kind::integer: return std::to_string(node.integer);
        case Node::Kind::fraction: return fmt::format("{}", node.fraction);
        case Node::Kind::boolean: return node.boolean ? "true" : "false";
        default: return std::string(words_of(node.kind));
    }
}

std::string must_be(const Node& node, std::string_view what) {
    return fmt::format("is {}: must be {}", shown(node), what);
}

// One number and its unit from the front of `text`.
std::optional<std::uint64_t> take_quantity(std::string_view& text, std::span<const Unit> units) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_decimal<std::uint64_t>(text.substr(0, digits));
    if (!number) return std::nullopt;
    text.remove_prefix(digits);
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const std::string_view name = text.substr(0, letters);
    text.remove_prefix(letters);
    for (const Unit& unit : units)
        if (unit.name == name)
            return *number > quantity_limit / unit.factor ? std::nullopt : std::optional(*number * unit.factor);
    return std::nullopt;
}

std::string write_quantity(std::uint64_t value, std::span<const Unit> units) {
    for (const Unit& unit : units)
        if (value != 0 && value % unit.factor == 0) return fmt::format("\"{}{}\"", value / unit.factor, unit.name);
    return fmt::format("\"{}{}\"", value, units.back().name);
}

bool within(double value, const Bounds& bounds) {
    return (bounds.or_zero && value == 0) || (value >= bounds.least && value <= bounds.most);
}

template <class Write>
std::string range_problem(const Node& node, const Bounds& bounds, Write write) {
    return fmt::format("is {}: must be from {} to {}{}", shown(node), write(bounds.least), write(bounds.most),
                       bounds.or_zero ? ", or 0" : "");
}

template <class T>
ValueProblem read_integer(const Node& node, T& value, const Bounds& bounds) {
    if (node.kind != Node::Kind::integer) return must_be(node, "a whole number, without quotes");
    const double most = std::min(bounds.most, static_cast<double>(std::numeric_limits<T>::max()));
    if (node.integer < 0 || !within(static_cast<double>(node.integer), {bounds.least, most, bounds.or_zero}))
        return range_problem(node, {bounds.least, most, bounds.or_zero},
                             [](double number) { return fmt::format("{:.0f}", number); });
    value = static_cast<T>(node.integer);
    return std::nullopt;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return failure(ErrorKind::invalid, "no port");
    const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1));
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (!port || bracketed != host.contains(':')) return failure(ErrorKind::invalid, "not address:port");
    RELEVO_TRY(const dns::IpAddress address, dns::IpAddress::parse(host));
    return Endpoint{address, *port};
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
    std::uint64_t total = 0;
    do {
        const auto part = take_quantity(text, duration_units);
        if (!part || total + *part > quantity_limit) return failure(ErrorKind::invalid, "not a duration");
        total += *part;
    } while (!text.empty());
    return std::chrono::seconds(total);
}

Result<Octets> parse_size(std::string_view text) {
    const auto size = take_quantity(text, size_units);
    if (!size || !text.empty()) return failure(ErrorKind::invalid, "not a size");
    return *size;
}

std::string choice_problem(const Node& node, const std::vector<std::string_view>& names) {
    std::string problem = must_be(node, fmt::format("one of {}", fmt::join(names, ", ")));
    if (node.kind == Node::Kind::text)
        if (const auto near = nearest_name(node.text, names)) problem += fmt::format("; did you mean \"{}\"?", *near);
    return problem;
}

// --- reading

ValueProblem read_value(const Node& node, std::string& value, const Bounds& /*bounds*/) {
    if (node.kind != Node::Kind::text) return must_be(node, "a text in quotes");
    // A NUL would silently cut a path or a name short when it reaches the operating system.
    if (std::ranges::any_of(node.text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
        return must_be(node, "a text without control characters");
    value = node.text;
    return std::nullopt;
}

ValueProblem read_value(const Node& node, SecretText& value, const Bounds& bounds) {
    // The usual message would print the secret.
    if (read_value(node, value.value, bounds))
        return "is not usable: must be a text in quotes without control characters";
    return std::nullopt;
}

ValueProblem read_value(const Node& node, bool& value, const Bounds& /*bounds*/) {
    if (node.kind != Node::Kind::boolean) return must_be(node, "true or false, without quotes");
    value = node.boolean;
    return std::nullopt;
}

ValueProblem read_value(const Node& node, std::uint16_t& value, const Bounds& bounds) {
    return read_integer(node, value, bounds);
}
ValueProblem read_value(const Node& node, std::uint32_t& value, const Bounds& bounds) {
    return read_integer(node, value, bounds);
}

ValueProblem read_value(const Node& node, Octets& value, const Bounds& bounds) {
    constexpr std::string_view example = R"(a size with its unit, such as "512B", "64KiB" or "50MiB")";
    if (node.kind != Node::Kind::text) return must_be(node, example);
    const auto size = parse_size(node.text);
    if (!size) return must_be(node, example);
    if (!within(static_cast<double>(*size), bounds))
        return range_problem(node, bounds, [](double octets) { return write_value(static_cast<Octets>(octets)); });
    value = *size;
    return std::nullopt;
}

ValueProblem read_value(const Node& node, double& value, const Bounds& bounds) {
    if (node.kind != Node::Kind::fraction && node.kind != Node::Kind::integer)
        return must_be(node, "a number, without quotes");
    const double number = node.kind == Node::Kind::fraction ? node.fraction : static_cast<double>(node.integer);
    if (!std::isfinite(number) || !within(number, bounds))
        return range_problem(node, bounds, [](double bound) { return fmt::format("{}", bound); });
    value = number;
    return std::nullopt;
}

ValueProblem read_value(const Node& node, std::chrono::seconds& value, const Bounds& bounds) {
    constexpr std::string_view example = R"(a duration with its unit, such as "30s", "5min", "4h" or "4d")";
    if (node.kind != Node::Kind::text) return must_be(node, example);
    const auto duration = parse_duration(node.text);
    if (!duration) return must_be(node, example);
    if (!within(static_cast<double>(duration->count()), bounds))
        return range_problem(node, bounds, [](double seconds) {
            return write_value(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
        });
    value = *duration;
    return std::nullopt;
}

ValueProblem read_value(const Node& node, Endpoint& value, const Bounds& /*bounds*/) {
    constexpr std::string_view example = R"(an IP address and a port, such as "0.0.0.0:587" or "[::]:587")";
    if (node.kind != Node::Kind::text) return must_be(node, example);
    auto endpoint = parse_endpoint(node.text);
    if (!endpoint) return must_be(node, example);
    value = *std::move(endpoint);
    return std::nullopt;
}

ValueProblem read_value(const Node& node, dns::Network& value, const Bounds& /*bounds*/) {
    constexpr std::string_view example = R"(a network, such as "192.0.2.0/24" or "2001:db8::/32")";
    if (node.kind != Node::Kind::text) return must_be(node, example);
    auto network = dns::Network::parse(node.text);
    if (!network) return must_be(node, example) + " (" + network.error().detail + ")";
    value = *std::move(network);
    return std::nullopt;
}

ValueProblem read_value(const Node& node, dns::IpAddress& value, const Bounds& /*bounds*/) {
    constexpr std::string_view example = R"(an IP address, such as "192.0.2.1" or "2001:db8::1")";
    if (node.kind != Node::Kind::text) return must_be(node, example);
    auto address = dns::IpAddress::parse(node.text);
    if (!address) return must_be(node, example);
    value = *std::move(address);
    return std::nullopt;
}

ValueProblem read_value(const Node& node, WeightedName& value, const Bounds& bounds) {
    constexpr std::uint32_t most = 10'000;
    if (const ValueProblem problem = read_value(node, value.name, bounds)) return problem;
    const std::size_t colon = value.name.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    const auto weight = parse_decimal<std::uint32_t>(value.name.substr(colon + 1));
    if (!weight || *weight == 0 || *weight > most)
        return must_be(node, fmt::format("a name, or a name and a weight from 1 to {} such as \"{}:3\"", most,
                                         printable(value.name.substr(0, colon), 80)));
    value.weight = *weight;
    value.name.resize(colon);
    return std::nullopt;
}

ValueProblem read_value(const Node& node, HostSettings& value, const Bounds& bounds) {
    constexpr std::string_view example = R"(a table such as { host = "relay.example.com", port = 587, weight = 2 })";
    if (node.kind != Node::Kind::table) return must_be(node, example);
    for (const Node& child : node.children) {
        ValueProblem problem;
        if (child.name == "host")
            problem = read_value(child, value.host, bounds);
        else if (child.name == "port")
            problem = read_value(child, value.port, {1, 65535});
        else if (child.name == "weight")
            problem = read_value(child, value.weight, {0, 10'000});
        else
            return fmt::format("has \"{}\", which is none of host, port, weight", printable(child.name, 80));
        if (problem) return fmt::format("has a {} that {}", child.name, *problem);
    }
    if (value.host.empty()) return "has an entry without host: name a server in each";
    return std::nullopt;
}

// --- writing

std::string write_value(const std::string& value) {
    std::string text = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + "\"";
}
std::string write_value(const SecretText& value) {
    return write_value(std::string(value.value.empty() ? "" : "(hidden)"));
}
std::string write_value(bool value) { return value ? "true" : "false"; }
std::string write_value(std::uint16_t value) { return std::to_string(value); }
std::string write_value(std::uint32_t value) { return std::to_string(value); }
std::string write_value(Octets value) { return write_quantity(value, size_units); }
std::string write_value(double value) { return fmt::format("{}", value); }
std::string write_value(std::chrono::seconds value) {
    return write_quantity(static_cast<std::uint64_t>(value.count()), duration_units);
}
std::string write_value(const Endpoint& value) { return write_value(value.text()); }
std::string write_value(const dns::Network& value) { return write_value(value.text()); }
std::string write_value(const dns::IpAddress& value) { return write_value(value.text()); }
std::string write_value(const HostSettings& value) {
    const std::string port = value.port == 0 ? "" : fmt::format(", port = {}", value.port);
    const std::string weight = value.weight == 1 ? "" : fmt::format(", weight = {}", value.weight);
    return fmt::format("{{ host = {}{}{} }}", write_value(value.host), port, weight);
}
std::string write_value(const WeightedName& value) {
    return write_value(value.weight == 1 ? value.name : fmt::format("{}:{}", value.name, value.weight));
}

}  // namespace relevo::configuration

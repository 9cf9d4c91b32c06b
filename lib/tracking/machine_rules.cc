#include "lib/tracking/machine_rules.h"

#include "lib/base/text.h"
#include "lib/tracking/built_in_machines.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::tracking {
namespace {

constexpr std::size_t name_limit_octets = 60;
constexpr std::uint32_t number_limit = 86'400;

bool is_rule_name(std::string_view name) {
    return !name.empty() && name.size() <= name_limit_octets &&
           std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; });
}

}  // namespace

Result<void> MachineRules::parse_test(Rule& rule, std::string_view test, std::string_view value) {
    if (test == "agent" || test == "agent-is") {
        rule.test = test == "agent" ? Test::agent : Test::agent_is;
        rule.text = to_lower(value == "-" ? "" : value);
        if (rule.test == Test::agent && rule.text.empty())
            return failure(ErrorKind::invalid, "an empty text is in every user agent: write agent-is for none");
        return {};
    }
    if (test == "network") {
        rule.test = Test::network;
        auto network = dns::Network::parse(value);
        if (!network.has_value()) return std::unexpected(network.error());
        rule.network = *network;
        return {};
    }
    if (test == "links" || test == "within") {
        rule.test = test == "links" ? Test::links : Test::within;
        const auto number = parse_decimal<std::uint32_t>(value);
        if (!number || *number == 0 || *number > number_limit)
            return failure(ErrorKind::invalid,
                           fmt::format("\"{}\" is not 1 to {}", printable(value, 60), number_limit));
        rule.number = *number;
        return {};
    }
    if (test != "always" && test != "head")
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is no test: write agent, agent-is, network, within, links, head or always",
                                   printable(test, 60)));
    rule.test = test == "head" ? Test::head : Test::always;
    if (value != "-") return failure(ErrorKind::invalid, fmt::format("{} takes no value: write -", test));
    return {};
}

Result<MachineRules::Rule> MachineRules::parse_rule(std::string_view line) {
    const auto columns = split(line, '\t');
    if (columns.size() != 6)
        return failure(
            ErrorKind::invalid,
            fmt::format("{} columns; there are six, parted by tabs: label, confidence, name, kind, test, value",
                        columns.size()));
    Rule rule;
    if (columns[0] != "human" && columns[0] != "machine")
        return failure(ErrorKind::invalid, "the label is neither human nor machine");
    rule.label = columns[0] == "machine" ? Label::machine : Label::human;
    const auto confidence = parse_decimal<unsigned>(columns[1]);
    if (!confidence || *confidence == 0 || *confidence > 100)
        return failure(ErrorKind::invalid, "the confidence is not 1 to 100");
    rule.confidence = *confidence;
    if (!is_rule_name(columns[2]))
        return failure(ErrorKind::invalid, "the name is not made of small letters, digits and _ (at most 60)");
    rule.name = columns[2];
    if (columns[3] != "open" && columns[3] != "click" && columns[3] != "any")
        return failure(ErrorKind::invalid, "the kind is not open, click or any");
    if (columns[3] != "any") rule.kind = columns[3] == "open" ? VisitKind::open : VisitKind::click;
    RELEVO_CHECK(parse_test(rule, columns[4], columns[5]));
    return rule;
}

Result<MachineRules> MachineRules::parse(std::string_view file) {
    if (file.size() > limit_octets)
        return failure(ErrorKind::limit, fmt::format("the file is over {} octets", limit_octets));
    MachineRules rules;
    std::size_t number = 0;
    for (std::string_view line : split(file, '\n')) {
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (trimmed(line).empty() || line.starts_with('#')) continue;
        auto rule = parse_rule(line);
        if (!rule.has_value())
            return failure(rule.error().kind, fmt::format("line {}: {}", number, rule.error().detail));
        if (rules.rules_.size() == rule_limit)
            return failure(ErrorKind::limit, fmt::format("line {}: there are more than {} rules", number, rule_limit));
        rules.rules_.push_back(*std::move(rule));
    }
    return rules;
}

MachineRules MachineRules::built_in() { return parse(built_in_machines()).value(); }

bool MachineRules::fits(const Rule& rule, const Visit& visit, std::string_view lower_agent) {
    if (rule.kind && *rule.kind != visit.kind) return false;
    switch (rule.test) {
        case Test::always: return true;
        case Test::head: return visit.asked_by_head;
        case Test::links: return visit.links_at_once >= rule.number;
        case Test::within: return visit.since_delivery && *visit.since_delivery <= std::chrono::seconds(rule.number);
        case Test::agent: return lower_agent.contains(rule.text);
        case Test::agent_is: return lower_agent == rule.text;
        case Test::network: return rule.network->contains(visit.address);
    }
    return false;
}

Verdict MachineRules::judge(const Visit& visit) const {
    const std::string agent = to_lower(trimmed(visit.agent.substr(0, agent_limit_octets)));
    for (const Rule& rule : rules_)
        if (fits(rule, visit, agent)) return {.label = rule.label, .confidence = rule.confidence, .rule = rule.name};
    return {};
}

}  // namespace relevo::tracking

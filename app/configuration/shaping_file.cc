#include "app/configuration/shaping_file.h"

#include "app/configuration/problems.h"
#include "app/configuration/value.h"
#include "core/shaping/shipped_shaping.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo::configuration {

template <>
inline constexpr std::array choices<shaping::TlsMode> = {
    Choice<shaping::TlsMode>{"opportunistic", shaping::TlsMode::opportunistic},
    Choice<shaping::TlsMode>{"required", shaping::TlsMode::required},
    Choice<shaping::TlsMode>{"verified", shaping::TlsMode::verified},
    Choice<shaping::TlsMode>{"dane", shaping::TlsMode::dane}};

namespace {

using shaping::Limits;
using shaping::Rates;
using shaping::RateUnit;

constexpr double hour = 3600, day = 86400;

struct NamedBounds {
    std::string_view name;
    Bounds bounds;
};
constexpr std::array bounds_of_limits = {NamedBounds{"connections", {1, 10'000}},
                                         NamedBounds{"messages_per_connection", {1, 100'000}},
                                         NamedBounds{"recipients_per_transaction", {1, 1000}},
                                         NamedBounds{"first_back_off", {1, day}},
                                         NamedBounds{"longest_back_off", {1, day}},
                                         NamedBounds{"idle_timeout", {0, 300}},
                                         NamedBounds{"connect_timeout", {1, hour}},
                                         NamedBounds{"greeting_timeout", {1, hour}},
                                         NamedBounds{"command_timeout", {1, hour}},
                                         NamedBounds{"data_start_timeout", {1, hour}},
                                         NamedBounds{"data_block_timeout", {1, hour}},
                                         NamedBounds{"data_end_timeout", {1, hour}},
                                         NamedBounds{"warm_up_start", {1, 100'000'000, true}},
                                         NamedBounds{"warm_up_full", {1, 1'000'000'000}},
                                         NamedBounds{"warm_up_factor", {1, 10}},
                                         NamedBounds{"warm_up_deferred", {0.0001, 1}},
                                         NamedBounds{"warm_up_bounced", {0.0001, 1}},
                                         NamedBounds{"warm_up_complained", {0.0001, 1}}};

Bounds bounds_of(std::string_view name) {
    const auto* const found = std::ranges::find(bounds_of_limits, name, &NamedBounds::name);
    return found == bounds_of_limits.end() ? Bounds{} : found->bounds;
}

constexpr std::string_view rate_example = R"(a rate such as "100/s", "600/min", "20/h" or "5000/d", or a list of them)";

bool read_rate(const Node& node, Rates& rates) {
    if (node.kind != Node::Kind::text) return false;
    const std::size_t slash = node.text.find('/');
    if (slash == std::string::npos) return false;
    const auto amount = parse_decimal<std::uint32_t>(std::string_view(node.text).substr(0, slash));
    if (!amount || *amount == 0) return false;
    const std::string_view unit = std::string_view(node.text).substr(slash + 1);
    for (const auto& [name, value] : {std::pair<std::string_view, RateUnit>{"s", RateUnit::second},
                                      {"min", RateUnit::minute},
                                      {"h", RateUnit::hour},
                                      {"d", RateUnit::day}}) {
        // The same unit twice would be a contradiction.
        if (unit != name || rates.of(value) != 0) continue;
        rates.set(value, *amount);
        return true;
    }
    return false;
}

// An empty list: no limit.
ValueProblem read_limit(const Node& node, Rates& value, const Bounds& /*bounds*/) {
    value = {};
    const auto wrong = [](const Node& part) {
        return fmt::format(
            "is {}: must be {}",
            part.kind == Node::Kind::text ? "\"" + printable(part.text, 80) + "\"" : std::string(words_of(part.kind)),
            rate_example);
    };
    if (node.kind != Node::Kind::list) return read_rate(node, value) ? std::nullopt : std::optional(wrong(node));
    for (const Node& part : node.children)
        if (!read_rate(part, value)) return wrong(part);
    return std::nullopt;
}

// A few, so that a key can be exchanged for another.
ValueProblem read_limit(const Node& node, shaping::KeyPins& value, const Bounds& /*bounds*/) {
    constexpr std::size_t most = 10;
    const auto read_one = [&](const Node& part) {
        const auto digest = part.kind == Node::Kind::text ? shaping::parse_key_pin(to_lower(part.text)) : std::nullopt;
        if (digest) value.digests.push_back(*digest);
        return digest.has_value();
    };
    bool is_right =
        node.kind == Node::Kind::list ? !node.children.empty() && node.children.size() <= most : read_one(node);
    if (node.kind == Node::Kind::list)
        for (const Node& part : node.children) is_right = is_right && read_one(part);
    if (is_right) return std::nullopt;
    return fmt::format(
        "is not as it must be: \"sha256:\" and the 64 hexadecimal digits of a public key's SHA-256, or a list of 1 to "
        "{} "
        "of them",
        most);
}

template <class Value>
ValueProblem read_limit(const Node& node, Value& value, const Bounds& bounds) {
    return read_value(node, value, bounds);
}

constexpr std::array selector_names = {"domain", "site", "provider", "source", "pool", "tenant"};

class ShapingReader {
 public:
    ShapingReader(std::string_view file_name, shaping::Authority authority, std::vector<shaping::Provider>& providers,
                  std::vector<shaping::Rule>& rules)
        : problems_(file_name), file_name_(file_name), authority_(authority), providers_(providers), rules_(rules) {}

    Result<void> read(std::string_view toml) {
        const auto document = parse_document(toml);
        if (!document) {
            problems_.add(document.error().place, "not TOML: " + document.error().text);
            return failure(ErrorKind::invalid, problems_.text());
        }
        // Providers first: rules anywhere in the file may name them.
        if (const Node* node = document->find("provider")) read_providers(*node);
        for (const Node& section : document->children) read_section(section);
        if (rules_.size() > shaping::ShapingTable::limit_rules)
            problems_.add(Place{1, 1},
                          fmt::format("there are more than {} rules: keep fewer", shaping::ShapingTable::limit_rules));
        if (!problems_.empty()) return failure(ErrorKind::invalid, problems_.text());
        return {};
    }

 private:
    void read_section(const Node& section) {
        if (section.name == "provider") return;
        if (section.name == "default" && section.kind == Node::Kind::table) {
            read_values(section, "default", {}, {{}});
            return;
        }
        if (section.name == "rule" && section.kind == Node::Kind::list) {
            for (const Node& rule : section.children) read_rule(rule);
            return;
        }
        const auto near = nearest_name(section.name, {"default", "provider", "rule"});
        problems_.add(section.name_place, fmt::format("unknown section \"{}\": {}", printable(section.name, 80),
                                                      section.name == "default"    ? "write it as [default]"
                                                      : section.name == "rule"     ? "write it as [[rule]]"
                                                      : near && *near == "rule"    ? "did you mean [[rule]]?"
                                                      : near && *near == "default" ? "did you mean [default]?"
                                                      : near                       ? "did you mean [provider.NAME]?"
                                                             : "there are [default], [provider.NAME] and [[rule]]"));
    }

    void read_providers(const Node& node) {
        if (node.kind != Node::Kind::table)
            return problems_.add(node.name_place, "\"provider\" is no section: write it as [provider.NAME]");
        for (const Node& provider : node.children) {
            if (provider.kind != Node::Kind::table) {
                problems_.add(provider.name_place,
                              fmt::format("\"provider.{}\" is {}: begin the section with [provider.NAME]",
                                          printable(provider.name, 80), words_of(provider.kind)));
                continue;
            }
            if (provider.name.empty() || provider.name.size() > 60 || !is_plain_ascii(provider.name)) {
                problems_.add(provider.name_place, fmt::format("\"{}\" is no name of a provider: use letters, digits, "
                                                               "\"-\" and \"_\", at most 60",
                                                               printable(provider.name, 80)));
                continue;
            }
            shaping::Selectors selectors;
            selectors.provider = provider.name;
            if (const Node* hosts = provider.find("mx"))
                read_hosts(provider.name, *hosts);
            else if (!is_known(provider.name))
                problems_.add(provider.name_place, unknown_provider(provider.name) + "; a new one needs mx");
            read_values(provider, "provider." + provider.name, {"mx"}, {selectors}, Values::may_lack);
        }
    }

    void read_hosts(const std::string& name, const Node& node) {
        std::vector<std::string> hosts;
        if (const ValueProblem problem = read_value(node, hosts, {}))
            return problems_.add(node.name_place, fmt::format("provider.{}.mx {}", name, *problem));
        for (std::string& host : hosts) {
            auto domain = mail::parse_domain(host, mail::Utf8::refused);
            if (!domain || !host.contains('.'))
                problems_.add(node.name_place,
                              fmt::format("provider.{}.mx holds \"{}\": must be the end of host names, such as "
                                          "\"google.com\"",
                                          name, printable(host, 80)));
            else
                host = *std::move(domain);
        }
        providers_.push_back({name, std::move(hosts)});
    }

    void read_rule(const Node& node) {
        if (node.kind != Node::Kind::table)
            return problems_.add(node.place, "\"rule\" holds no section: write each as [[rule]]");
        std::vector<shaping::Selectors> selectors(1);
        int destinations = 0, sources = 0;
        for (const Node& child : node.children) {
            if (std::ranges::find(selector_names, child.name) == selector_names.end()) continue;
            destinations += child.name == "domain" || child.name == "site" || child.name == "provider" ? 1 : 0;
            sources += child.name == "source" || child.name == "pool" ? 1 : 0;
            read_selector(child, selectors);
        }
        if (destinations > 1)
            problems_.add(node.place,
                          "the rule names more than one of domain, site and provider: write a rule for each");
        if (sources > 1) problems_.add(node.place, "the rule names both source and pool: write a rule for each");
        if (destinations + sources == 0 && node.find("tenant") == nullptr)
            problems_.add(node.place,
                          "the rule says of nothing what it is for: add domain, site, provider, source, pool "
                          "or tenant, or write the values into [default]");
        read_values(node, "rule", {selector_names.begin(), selector_names.end()}, selectors);
    }

    void read_selector(const Node& node, std::vector<shaping::Selectors>& selectors) {
        std::vector<std::string> names;
        if (const ValueProblem problem = read_value(node, names, {}))
            return problems_.add(node.name_place, fmt::format("rule.{} {}", node.name, *problem));
        const std::vector<shaping::Selectors> before = std::move(selectors);
        selectors.clear();
        for (std::string& name : names) {
            if (name.empty()) problems_.add(node.name_place, fmt::format("rule.{} is empty: name one", node.name));
            if (node.name == "provider" && !is_known(name)) problems_.add(node.name_place, unknown_provider(name));
            if (node.name == "domain") {
                auto domain = mail::parse_domain(name, mail::Utf8::allowed);
                if (!domain)
                    problems_.add(node.name_place, fmt::format("rule.domain \"{}\" is no domain: {}",
                                                               printable(name, 80), domain.error().detail));
                name = std::move(domain).value_or("");
            }
            for (shaping::Selectors copy : before) {
                member_named(copy, node.name) = name;
                selectors.push_back(std::move(copy));
            }
            if (selectors.size() > shaping::ShapingTable::limit_rules) return;
        }
        if (selectors.empty()) {
            problems_.add(node.name_place,
                          fmt::format("rule.{} is an empty list: name one, or leave it out", node.name));
            selectors = before;
        }
    }

    static std::string& member_named(shaping::Selectors& selectors, std::string_view name) {
        if (name == "domain") return selectors.domain;
        if (name == "site") return selectors.site;
        if (name == "provider") return selectors.provider;
        if (name == "source") return selectors.source;
        return name == "pool" ? selectors.pool : selectors.tenant;
    }

    enum class Values : bool { must_be_there, may_lack };
    void read_values(const Node& node, const std::string& path, const std::vector<std::string_view>& others,
                     const std::vector<shaping::Selectors>& selectors, Values need = Values::must_be_there) {
        Limits limits;
        std::vector<std::string_view> known = others;
        std::size_t found = 0;
        shaping::for_each_limit([&](std::string_view name, auto member) {
            known.push_back(name);
            const Node* child = node.find(name);
            if (child == nullptr) return;
            ++found;
            if (const ValueProblem problem = read_limit(*child, (limits.*member).emplace(), bounds_of(name)))
                problems_.add(child->name_place, fmt::format("{}.{} {}", path, name, *problem));
        });
        for (const Node& child : node.children) {
            if (std::ranges::find(known, child.name) != known.end()) continue;
            const auto near = nearest_name(child.name, known);
            problems_.add(child.name_place,
                          fmt::format("unknown value \"{}\" in {}: {}", printable(child.name, 80), path,
                                      near ? fmt::format("did you mean \"{}\"?", *near)
                                           : "remove it; docs/formats/shaping.md lists all"));
        }
        const Place place = node.name.empty() ? node.place : node.name_place;
        if (found == 0 && need == Values::must_be_there)
            problems_.add(place, path + " holds no value: say what it limits, or remove it");
        if (limits.first_back_off > limits.longest_back_off && limits.longest_back_off)
            problems_.add(place, path + " has a first_back_off over its longest_back_off: lower the first");
        const bool asks_for_tls = limits.tls || limits.tls_keys;
        if (asks_for_tls && std::ranges::any_of(selectors, [](const auto& one) { return !one.tenant.empty(); }))
            problems_.add(place, path +
                                     " says what TLS one tenant's mail needs: `relevo tenant set --tls` does that, for "
                                     "all of its mail");
        if (found == 0) return;
        for (const shaping::Selectors& chosen : selectors)
            rules_.push_back({.selectors = chosen,
                              .values = limits,
                              .authority = authority_,
                              .origin = fmt::format("{}, line {}", file_name_, place.line)});
    }

    [[nodiscard]] bool is_known(std::string_view provider) const {
        return std::ranges::find(providers_, provider, &shaping::Provider::name) != providers_.end();
    }
    [[nodiscard]] std::string unknown_provider(std::string_view name) const {
        std::vector<std::string_view> known;
        for (const shaping::Provider& provider : providers_) known.emplace_back(provider.name);
        const auto near = nearest_name(name, known);
        return fmt::format(
            "unknown provider \"{}\": {}", printable(name, 80),
            near ? fmt::format("did you mean \"{}\"?", *near) : "[provider.NAME] with mx makes it known");
    }

    Problems problems_;
    std::string file_name_;
    shaping::Authority authority_;
    std::vector<shaping::Provider>& providers_;
    std::vector<shaping::Rule>& rules_;
};

Result<shaping::ShapingTable> read_all(std::optional<std::string_view> toml, std::string_view file_name) {
    std::vector<shaping::Provider> providers;
    std::vector<shaping::Rule> rules = {shaping::built_in_rule()};
    ShapingReader shipped("shipped data", shaping::Authority::shipped, providers, rules);
    RELEVO_CHECK(shipped.read(shaping::shipped_shaping()));
    if (toml) {
        ShapingReader operators(file_name, shaping::Authority::operators, providers, rules);
        RELEVO_CHECK(operators.read(*toml));
    }
    return shaping::ShapingTable(providers, std::move(rules));
}

}  // namespace

shaping::ShapingTable shipped_shaping_table() {
    auto table = read_all(std::nullopt, {});
    // Its own test reads the shipped file: it cannot be wrong here.
    return table ? *std::move(table) : shaping::ShapingTable({}, {shaping::built_in_rule()});
}

Result<shaping::ShapingTable> parse_shaping(std::string_view toml, std::string_view file_name) {
    return read_all(toml, file_name);
}

}  // namespace relevo::configuration

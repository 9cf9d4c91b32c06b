#include "core/shaping/shaping_table.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace relevo::shaping {
namespace {

std::string destination_of(const Selectors& selectors) {
    if (!selectors.domain.empty()) return "domain:" + selectors.domain;
    if (!selectors.site.empty()) return "site:" + selectors.site;
    if (!selectors.provider.empty()) return "provider:" + selectors.provider;
    return "*";
}

int source_rank(const Selectors& selectors) {
    if (!selectors.source.empty()) return 2;
    return selectors.pool.empty() ? 0 : 1;
}

int destination_rank(const Selectors& selectors) {
    if (!selectors.domain.empty()) return 3;
    if (!selectors.site.empty()) return 2;
    return selectors.provider.empty() ? 0 : 1;
}

std::string origin_of(const Rule& rule) { return fmt::format("{} ({})", rule.origin, rule.selectors.text()); }

}  // namespace

std::string Selectors::text() const {
    std::string text;
    const auto add = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
    };
    add("domain", domain);
    add("site", site);
    add("provider", provider);
    add("source", source);
    add("pool", pool);
    add("tenant", tenant);
    return text.empty() ? "*" : text;
}

ShapingTable::ShapingTable(const std::vector<Provider>& providers, std::vector<Rule> rules) : rules_(std::move(rules)) {
    for (const Provider& provider : providers)
        for (const std::string& suffix : provider.host_suffixes) suffixes_.insert_or_assign(suffix, provider.name);
    for (std::uint32_t place = 0; place < rules_.size(); ++place)
        by_destination_[destination_of(rules_[place].selectors)].push_back(place);
    has_tenant_rules_ = std::ranges::any_of(rules_, [](const Rule& rule) { return !rule.selectors.tenant.empty(); });
}

std::string_view ShapingTable::provider_of_host(std::string_view host) const {
    std::string name = to_lower(host);
    if (name.ends_with('.')) name.pop_back();
    for (std::string_view rest = name;;) {
        if (const auto found = suffixes_.find(rest); found != suffixes_.end()) return found->second;
        const std::size_t dot = rest.find('.');
        if (dot == std::string_view::npos) return {};
        rest.remove_prefix(dot + 1);
    }
}

std::string_view ShapingTable::provider_of(std::span<const std::string> hosts) const {
    return hosts.empty() ? std::string_view() : provider_of_host(hosts.front());
}

bool ShapingTable::knows_provider(std::string_view name) const {
    return std::ranges::any_of(suffixes_, [&](const auto& entry) { return entry.second == name; });
}

std::string ShapingTable::key_of(const ShapingQuery& query) const {
    // A tenant's rules have throttles of their own: they do not part what is common.
    const auto has_rule = [&](const std::string& destination) {
        const auto found = by_destination_.find(destination);
        return found != by_destination_.end() && std::ranges::any_of(found->second, [&](std::uint32_t place) {
                   return rules_[place].selectors.tenant.empty();
               });
    };
    std::string key = fmt::format("domain:{}", query.domain);
    if (has_rule(key)) return key;
    key = fmt::format("site:{}", query.site);
    if (query.provider.empty() || has_rule(key)) return key;
    return fmt::format("provider:{}", query.provider);
}

std::vector<const Rule*> ShapingTable::fitting(const ShapingQuery& query, bool of_tenant) const {
    std::vector<const Rule*> found;
    const auto fits = [&](const Selectors& selectors) {
        return (of_tenant ? !query.tenant.empty() && selectors.tenant == query.tenant : selectors.tenant.empty()) &&
               (selectors.source.empty() || selectors.source == query.source) &&
               (selectors.pool.empty() || selectors.pool == query.pool);
    };
    const auto collect = [&](std::string_view destination) {
        const auto places = by_destination_.find(destination);
        if (places == by_destination_.end()) return;
        for (const std::uint32_t place : places->second)
            if (fits(rules_[place].selectors)) found.push_back(&rules_[place]);
    };
    if (!query.domain.empty()) collect(fmt::format("domain:{}", query.domain));
    if (!query.site.empty()) collect(fmt::format("site:{}", query.site));
    if (!query.provider.empty()) collect(fmt::format("provider:{}", query.provider));
    collect("*");
    std::ranges::sort(found, std::greater<>(), [](const Rule* rule) {
        // The address of a rule stands for its place in its file.
        return std::tuple(source_rank(rule->selectors), destination_rank(rule->selectors), rule->authority, rule);
    });
    return found;
}

Limits ShapingTable::limits(const ShapingQuery& query) const {
    Limits limits;
    for (const Rule* rule : fitting(query, false)) complete(limits, rule->values);
    return limits;
}

std::optional<Limits> ShapingTable::tenant_limits(const ShapingQuery& query) const {
    const std::vector<const Rule*> rules = fitting(query, true);
    if (rules.empty()) return std::nullopt;
    Limits limits;
    for (const Rule* rule : rules) complete(limits, rule->values);
    // What a destination takes is learned once, by the throttle that sees all of the mail.
    limits.adaptive = false;
    return limits;
}

std::vector<ExplainedValue> ShapingTable::explain(const ShapingQuery& query) const {
    std::vector<ExplainedValue> values;
    const std::vector<const Rule*> rules = fitting(query, !query.tenant.empty());
    for_each_limit([&](std::string_view name, auto member) {
        ExplainedValue value{.name = std::string(name)};
        bool is_found = false;
        for (const Rule* rule : rules) {
            const auto& said = rule->values.*member;
            if (!said) continue;
            if (is_found) {
                value.overrides.push_back({std::string(text_of(*said)), origin_of(*rule)});
                continue;
            }
            is_found = true;
            value.value = text_of(*said);
            value.origin = origin_of(*rule);
        }
        if (is_found) values.push_back(std::move(value));
    });
    return values;
}

Rule built_in_rule() {
    Rule rule{.authority = Authority::built_in, .origin = "built-in default"};
    rule.values.adaptive = true;
    rule.values.first_back_off = std::chrono::seconds(30);
    rule.values.longest_back_off = std::chrono::minutes(15);
    rule.values.warm_up_start = 0;
    rule.values.warm_up_factor = 1.5;
    rule.values.warm_up_deferred = 0.1;
    rule.values.warm_up_bounced = 0.05;
    rule.values.warm_up_complained = 0.001;
    return rule;
}

}  // namespace relevo::shaping

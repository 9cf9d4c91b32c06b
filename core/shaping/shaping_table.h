// The rules that say what limits mail, from the file that comes with Relevo and from the operator's
// (docs/formats/shaping.md), and which providers the mail servers of the world belong to.
//
// Which rule wins, for each value by itself:
//   1. A rule for the source, then one for its pool, then those for any source.
//   2. Among these: for the recipient's domain, for the site (the MX hosts), for the provider, for all ("*").
//   3. Among these: the operator's file, then the one that comes with Relevo, then what is built in.
//   4. In one file: the last one.
// Rules for a tenant stand apart: they give limits of its own, for a throttle of its own beside the common one.
#pragma once

#include "core/shaping/limits.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo::shaping {

enum class Authority : std::uint8_t { built_in, shipped, operators };

// Empty: any. At most one of domain, site and provider; at most one of source and pool.
struct Selectors {
    std::string domain;  // canonical; of the recipient, nothing below it
    std::string site;
    std::string provider;
    std::string source;
    std::string pool;
    std::string tenant;  // its name
    // "provider google, source mx1"; "*" if it is for all.
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Selectors&, const Selectors&) = default;
};

struct Rule {
    Selectors selectors;
    Limits values;  // absent: the rule does not say
    Authority authority = Authority::built_in;
    std::string origin;  // "/etc/relevo/shaping.toml, line 40"
};

// A provider's mail servers, by the ends of their names: "google.com" is every host below it, and itself.
struct Provider {
    std::string name;
    std::vector<std::string> host_suffixes;
};

struct ShapingQuery {
    std::string_view domain;    // of the recipient
    std::string_view site;      // key of the site
    std::string_view provider;  // provider_of() its hosts; empty: none
    std::string_view source;
    std::string_view pool;
    std::string_view tenant;
};

struct ExplainedValue {
    std::string name;
    std::string value;
    std::string origin;  // "default of the rule's file, for provider google"
    struct Overridden {
        std::string value, origin;
    };
    std::vector<Overridden> overrides;  // what would count otherwise, the nearest first
};

// Immutable. Threads: any.
class ShapingTable {
 public:
    static constexpr std::size_t limit_rules = 10'000;
    static constexpr std::size_t limit_suffixes = 5'000;

    // In the order of their files. Suffixes of the same name: the last one counts, so that an operator can correct
    // them.
    ShapingTable(const std::vector<Provider>& providers, std::vector<Rule> rules);

    // Of MX hosts in the order of preference: mail goes to the first. Empty if it is nobody's that we know.
    [[nodiscard]] std::string_view provider_of(std::span<const std::string> hosts) const;
    [[nodiscard]] std::string_view provider_of_host(std::string_view host) const;
    // What a throttle is kept for: the domain or the site if a rule names it, else the provider, else the site.
    // "domain:example.com", "provider:google", "site:…".
    [[nodiscard]] std::string key_of(const ShapingQuery& query) const;

    // What is in force, rules for tenants aside.
    [[nodiscard]] Limits limits(const ShapingQuery& query) const;
    // What the rules for its tenant say; nothing if there are none. Absent values limit nothing.
    [[nodiscard]] std::optional<Limits> tenant_limits(const ShapingQuery& query) const;
    // Every value that somebody says something about; those of the tenant if the query names one.
    [[nodiscard]] std::vector<ExplainedValue> explain(const ShapingQuery& query) const;

    [[nodiscard]] bool has_tenant_rules() const { return has_tenant_rules_; }
    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
    [[nodiscard]] bool knows_provider(std::string_view name) const;

 private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    template <class Value>
    using Names = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

    // The rules that fit, the strongest first.
    [[nodiscard]] std::vector<const Rule*> fitting(const ShapingQuery& query, bool of_tenant) const;

    std::vector<Rule> rules_;
    bool has_tenant_rules_ = false;
    Names<std::vector<std::uint32_t>> by_destination_;  // places of rules_, by "domain:…", "site:…", "provider:…", "*"
    Names<std::string> suffixes_;                       // to the provider's name
};

// What counts where no rule says anything: see docs/formats/shaping.md.
[[nodiscard]] Rule built_in_rule();

}  // namespace relevo::shaping

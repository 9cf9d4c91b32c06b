// Whether a person opened a message or followed a link, or a program did: rules as data, a file of lines that an
// operator can read, correct and replace (docs/formats/machines.md). The one that comes with Relevo is machines.tsv,
// compiled in.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"
#include "lib/dns/record.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::tracking {

enum class Label : std::uint8_t { human, machine };
[[nodiscard]] constexpr std::string_view name_of(Label label) { return label == Label::machine ? "machine" : "human"; }

enum class VisitKind : std::uint8_t { open, click };

// What is known of one request.
struct Visit {
    VisitKind kind = VisitKind::open;
    std::string_view agent;  // User-Agent; empty: none was sent
    dns::IpAddress address;
    std::optional<std::chrono::milliseconds> since_delivery;  // nothing: not known
    std::size_t links_at_once = 0;  // different links of the message that were followed with this one, within a second
    bool asked_by_head = false;     // somebody looked with HEAD shortly before
};

struct Verdict {
    Label label = Label::human;
    unsigned confidence = 50;  // 1 to 100
    std::string_view rule;     // its name; lives as long as the rules
};

// Immutable. Threads: any.
class MachineRules {
 public:
    static constexpr Octets limit_octets = 256 * kibibyte;
    static constexpr std::size_t rule_limit = 2'000;
    static constexpr std::size_t agent_limit_octets = 512;  // of what is looked at

    // The whole file or nothing. Errors: invalid – detail names the line and what is wrong with it. limit.
    [[nodiscard]] static Result<MachineRules> parse(std::string_view file);
    // The one that is compiled in.
    [[nodiscard]] static MachineRules built_in();

    // The first rule that fits; without one, a person at 50.
    [[nodiscard]] Verdict judge(const Visit& visit) const;

 private:
    enum class Test : std::uint8_t { always, head, links, within, agent, agent_is, network };
    struct Rule {
        Label label = Label::human;
        unsigned confidence = 50;
        std::string name;
        std::optional<VisitKind> kind;  // nothing: both
        Test test = Test::always;
        std::string text;  // lower case
        std::uint32_t number = 0;
        std::optional<dns::Network> network;
    };
    [[nodiscard]] static Result<Rule> parse_rule(std::string_view line);
    [[nodiscard]] static Result<void> parse_test(Rule& rule, std::string_view test, std::string_view value);
    [[nodiscard]] static bool fits(const Rule& rule, const Visit& visit, std::string_view lower_agent);

    std::vector<Rule> rules_;
};

}  // namespace relevo::tracking

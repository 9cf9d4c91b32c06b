#include "lib/bounces/reply_classifier.h"

#include "lib/base/text.h"
#include "lib/bounces/status_meaning.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace relevo::bounces {
namespace {

constexpr std::size_t statuses_in_text = 5;

bool is_word_octet(char c) { return is_alpha(c) || is_digit(c) || c == '.' || c == '_'; }

// Statuses in the text, "(#5.1.1)" and "550-5.1.1" too, but no part of a longer number: "10.4.5.1.1".
std::vector<std::string_view> statuses_in(std::string_view text) {
    std::vector<std::string_view> found;
    for (std::size_t i = 0; i + 5 <= text.size() && found.size() < statuses_in_text; ++i) {
        if ((text[i] != '4' && text[i] != '5') || text[i + 1] != '.' || (i > 0 && is_word_octet(text[i - 1]))) continue;
        std::size_t end = i;
        while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
        std::string_view word = text.substr(i, end - i);
        if (word.ends_with('.')) word.remove_suffix(1);
        if (is_status(word)) found.push_back(word);
        i = end - 1;
    }
    return found;
}

struct StatusFinding {
    std::string_view status;
    StatusMeaning meaning;
};

// The given status if it says something, else the first in the text that does: servers put "5.0.0" in front of what
// the next one said.
std::optional<StatusFinding> find_status(std::string_view given, const std::vector<std::string_view>& others,
                                         StatusStrength strength) {
    const auto known = [strength](std::string_view status) -> std::optional<StatusFinding> {
        const auto meaning = meaning_of_status(status);
        if (!meaning || meaning->strength != strength) return std::nullopt;
        return StatusFinding{status, *meaning};
    };
    if (auto finding = known(given)) return finding;
    for (const std::string_view status : others)
        if (auto finding = known(status)) return finding;
    return std::nullopt;
}

BounceNature nature_for(BounceClass kind, std::uint16_t code, std::string_view status) {
    const BounceNature nature = nature_of(kind);
    const bool is_temporary = code != 0 ? code >= 400 && code < 500 : status.starts_with('4');
    return is_temporary && nature == BounceNature::hard ? BounceNature::soft : nature;
}

// Classes that speak of a recipient, or of nothing in particular.
bool may_be_misled(BounceClass kind) {
    switch (kind) {
        case BounceClass::unknown_user:
        case BounceClass::address_moved:
        case BounceClass::mailbox_disabled:
        case BounceClass::no_such_domain:
        case BounceClass::recipient_restricted:
        case BounceClass::policy:
        case BounceClass::unknown: return true;
        default: return false;
    }
}

BounceClass at_stage(BounceClass kind, ReplyStage stage, std::uint16_t code) {
    if (kind == BounceClass::protocol_error && stage == ReplyStage::hello) return BounceClass::reverse_dns;
    if (!may_be_misled(kind) || (code >= 400 && code < 500 && kind == BounceClass::unknown)) return kind;
    switch (stage) {
        case ReplyStage::greeting: return BounceClass::address_blocked;
        case ReplyStage::hello: return BounceClass::reverse_dns;
        case ReplyStage::mail: return BounceClass::sender_rejected;
        case ReplyStage::recipient:
        case ReplyStage::content:
        case ReplyStage::unknown: return kind;
    }
    return kind;
}

struct StageWords {
    std::string_view words;
    ReplyStage stage;
};
// How servers say in their reports what was replied to.
constexpr auto stage_words = std::to_array<StageWords>({
    {"in reply to mail from", ReplyStage::mail},  // Postfix
    {"in reply to rcpt to", ReplyStage::recipient},
    {"in reply to end of data", ReplyStage::content},
    {"in reply to data", ReplyStage::content},
    {"in reply to ehlo", ReplyStage::hello},
    {"in reply to helo", ReplyStage::hello},
    {"in reply to initial greeting", ReplyStage::greeting},
    {"after mail from", ReplyStage::mail},  // Exim
    {"after rcpt to", ReplyStage::recipient},
    {"after pipelined mail from", ReplyStage::mail},
    {"after pipelined rcpt to", ReplyStage::recipient},
    {"after end of data", ReplyStage::content},
    {"after data", ReplyStage::content},
    {"after ehlo", ReplyStage::hello},
    {"after helo", ReplyStage::hello},
    {"after initial connection", ReplyStage::greeting},
    {"did not like our mail from", ReplyStage::mail},  // DragonFly
    {"did not like our rcpt to", ReplyStage::recipient},
    {"did not like our data", ReplyStage::content},
    {"but sender was rejected", ReplyStage::mail},  // qmail
    {"does not like recipient", ReplyStage::recipient},
    {"but my name was rejected", ReplyStage::hello},
    {"but greeting failed", ReplyStage::greeting},
    {"failed after i sent the message", ReplyStage::content},
    {"refused at greeting", ReplyStage::greeting},  // ours
    {"refused at connect", ReplyStage::greeting},
    {"refused at ehlo", ReplyStage::hello},
    {">>> mail from", ReplyStage::mail},  // Sendmail
    {">>> rcpt to", ReplyStage::recipient},
    {">>> data", ReplyStage::content},
    {"smtp command\ndata", ReplyStage::content},  // m-FILTER
    {">>> ehlo", ReplyStage::hello},
    {">>> helo", ReplyStage::hello},
});

ReplyStage stage_in(std::string_view text) {
    const std::string small = to_lower(text);
    std::size_t first = std::string::npos;
    ReplyStage stage = ReplyStage::unknown;
    for (const StageWords& known : stage_words) {
        const std::size_t at = small.find(known.words);
        if (at >= first) continue;
        first = at;
        stage = known.stage;
    }
    // Sendmail sends DATA behind RCPT without waiting: a server that then misses a recipient had refused it.
    if (stage == ReplyStage::content && small.find(">>> data") == first &&
        (small.find("<<< 503") != std::string::npos || small.find("no valid recipients") != std::string::npos))
        return ReplyStage::recipient;
    return stage;
}

// A code at the start of a word, with a space, a hyphen or the end behind it.
std::uint16_t code_at(std::string_view text, std::size_t i) {
    if (i + 3 > text.size() || (text[i] != '4' && text[i] != '5') || text[i + 1] > '5') return 0;
    if (i > 0 && (is_word_octet(text[i - 1]) || text[i - 1] == '-' || text[i - 1] == ':')) return 0;
    if (i + 3 < text.size() && text[i + 3] != ' ' && text[i + 3] != '-' && text[i + 3] != '\r' && text[i + 3] != '\n')
        return 0;
    return parse_decimal<std::uint16_t>(text.substr(i, 3)).value_or(0);
}

struct FoundCode {
    std::uint16_t code = 0;
    std::size_t at = 0;
};

FoundCode code_in(std::string_view text) {
    FoundCode first;
    for (std::size_t i = 0; i + 3 <= text.size(); ++i) {
        const std::uint16_t code = code_at(text, i);
        if (code == 0) continue;
        // With a status behind it there is no doubt; a bare number may be anything.
        const std::string_view behind = text.substr(std::min(i + 4, text.size()), 6);
        if (behind.size() >= 5 && (behind[0] == '4' || behind[0] == '5') && behind[1] == '.') return {code, i};
        if (first.code == 0) first = {code, i};
    }
    return first;
}

}  // namespace

std::string_view name_of(ReplyStage stage) {
    switch (stage) {
        case ReplyStage::unknown: return "unknown";
        case ReplyStage::greeting: return "greeting";
        case ReplyStage::hello: return "hello";
        case ReplyStage::mail: return "mail";
        case ReplyStage::recipient: return "rcpt";
        case ReplyStage::content: return "data";
    }
    return "unknown";
}

ReplyVerdict classify_reply(const ReplyFacts& facts, const PatternTable& patterns) {
    const std::string_view text = facts.text.substr(0, PatternTable::text_limit_octets);
    const auto others = statuses_in(text);
    ReplyVerdict verdict;
    verdict.status = facts.status;
    if (!is_status(facts.status)) verdict.status = others.empty() ? std::string_view() : others.front();
    // Patterns may name the code and the status, so these stand in front.
    const std::string whole =
        fmt::format("{}{}{}{}{}", facts.code != 0 ? std::to_string(facts.code) + " " : "", facts.status,
                    facts.status.empty() ? "" : " ", text,
                    facts.stage != ReplyStage::unknown ? fmt::format(" [{}]", name_of(facts.stage)) : "");
    const auto decide = [&](VerdictBasis basis, BounceClass kind, std::string rule) {
        verdict.basis = basis;
        // "451 4.7.1 rejected, come back": no rule of theirs stands against us, as far as can be told. "450 4.2.1
        // busy": no mailbox is disabled.
        const bool is_vague = (kind == BounceClass::policy && basis != VerdictBasis::provider_pattern) ||
                              (kind == BounceClass::mailbox_disabled && basis == VerdictBasis::general_status);
        if (is_vague && facts.code >= 400 && facts.code < 500) kind = BounceClass::temporary_failure;
        verdict.kind = at_stage(kind, facts.stage, facts.code);
        if (verdict.kind != kind) {
            rule += fmt::format("{}in reply to {}", rule.empty() ? "" : ", ", name_of(facts.stage));
            verdict.basis = std::min(basis, VerdictBasis::general_status);
        }
        verdict.nature = nature_for(verdict.kind, facts.code, verdict.status);
        // Filters that say so behind the content do not go as far as to send X.1.1.
        const bool is_certain = basis == VerdictBasis::exact_status || facts.stage != ReplyStage::content;
        if (verdict.kind == BounceClass::unknown_user && !is_certain) verdict.nature = BounceNature::soft;
        verdict.rule = std::move(rule);
        return verdict;
    };
    if (facts.code >= 200 && facts.code < 400)
        return decide(VerdictBasis::code, BounceClass::delivered, fmt::format("code {}", facts.code));
    if (const Pattern* pattern = patterns.find(PatternKind::reply, whole, true, facts.host))
        return decide(VerdictBasis::provider_pattern, pattern->kind_of_bounce, pattern->rule());
    if (const auto exact = find_status(verdict.status, others, StatusStrength::exact))
        return decide(VerdictBasis::exact_status, exact->meaning.kind, fmt::format("status {}", exact->status));
    if (const Pattern* pattern = patterns.find(PatternKind::reply, whole, false, facts.host))
        return decide(VerdictBasis::pattern, pattern->kind_of_bounce, pattern->rule());
    if (const auto general = find_status(verdict.status, others, StatusStrength::general))
        return decide(VerdictBasis::general_status, general->meaning.kind, fmt::format("status {}", general->status));
    const BounceClass by_code = meaning_of_code(facts.code);
    if (by_code != BounceClass::unknown) return decide(VerdictBasis::code, by_code, fmt::format("code {}", facts.code));
    if (verdict.status.starts_with('2'))
        return decide(VerdictBasis::code, BounceClass::delivered, "status " + verdict.status);
    if (verdict.status.starts_with('4'))
        return decide(VerdictBasis::code, BounceClass::temporary_failure, "status " + verdict.status);
    return decide(VerdictBasis::nothing, BounceClass::unknown, {});
}

std::string shown_reply(std::string_view text) {
    constexpr std::size_t limit_octets = 1'000;
    std::string line;
    for (const char c : trimmed(text).substr(0, limit_octets)) {
        const bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!is_space)
            line += c;
        else if (line.empty() || line.back() != ' ')
            line += ' ';
    }
    return printable(line, limit_octets);
}

ReplyFacts read_reply(std::string_view text) {
    text = text.substr(0, PatternTable::text_limit_octets);
    const FoundCode found = code_in(text);
    ReplyFacts facts{
        .code = found.code, .status = {}, .text = text.substr(found.at), .host = {}, .stage = stage_in(text)};
    // A leading "250" is not looked for in the middle of a text: too many numbers look like it.
    const std::string_view start = trimmed(text);
    if (facts.code == 0 && start.size() >= 3 && start[0] == '2' &&
        (start.size() == 3 || start[3] == ' ' || start[3] == '-'))
        facts.code = parse_decimal<std::uint16_t>(start.substr(0, 3)).value_or(0);
    if (const auto statuses = statuses_in(text); !statuses.empty()) facts.status = statuses.front();
    return facts;
}

}  // namespace relevo::bounces

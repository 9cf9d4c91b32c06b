// Writing: verdicts to results, results to a folded payload.
#include "lib/mailauth/authentication_results.h"

#include "lib/base/text.h"
#include "lib/mailauth/authentication_results_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

constexpr std::size_t line_limit_octets = 78;  // RFC 5322 §2.1.1
constexpr std::size_t ending_octets = 1;       // room for ";"
constexpr std::size_t result_limit = 64;
constexpr std::size_t property_limit = 16;
constexpr std::size_t value_limit_octets = 320;  // an address of 254 octets, and what A-labels add
constexpr std::size_t remark_limit_octets = 200;
constexpr std::size_t payload_limit_octets = 16 * 1024;

// Words with as few line breaks as keep lines within 78 octets.
class FoldedPayload {
 public:
    explicit FoldedPayload(std::size_t column) : column_(column) {}
    void add(std::string_view word) {
        const std::size_t needed = 1 + word.size() + ending_octets;
        if (!text_.empty() && column_ + needed > line_limit_octets) return add_on_next_line(word);
        if (!text_.empty()) text_ += ' ';
        text_ += word;
        column_ += 1 + word.size();
    }
    void add_on_next_line(std::string_view word) {
        text_.append("\r\n\t").append(word);
        column_ = 1 + word.size();
    }
    void end_part() { text_ += ';'; }  // behind the last word
    [[nodiscard]] std::size_t size() const { return text_.size(); }
    [[nodiscard]] std::string finish() { return std::move(text_); }

 private:
    std::string text_;
    std::size_t column_;
};

// A Keyword (RFC 5321 §4.1.2 Ldh-str): other characters become hyphens, none "unknown".
std::string keyword(std::string_view text) {
    std::string word(text.substr(0, 64));
    std::ranges::replace_if(word, [](char c) { return !is_keyword_character(c); }, '-');
    while (word.ends_with('-')) word.pop_back();
    return word.empty() ? "unknown" : word;
}

// Between quotes, with nothing inside that could be syntax.
std::string quoted(std::string_view text, mail::Utf8 utf8) {
    std::string value = "\"";
    const bool keeps_utf8 = utf8 == mail::Utf8::allowed && is_utf8(text);  // RFC 6532 §3.2: qtext
    for (const char c : text) value += is_harmless(c) || (keeps_utf8 && static_cast<unsigned char>(c) > 127) ? c : '?';
    return value + '"';
}

// A domain, or an address: with its domain as A-labels, and without a local part that would need quotes.
std::optional<std::string> address_value(std::string_view value, mail::Utf8 utf8) {
    const auto at = value.rfind('@');
    if (at == std::string_view::npos) {
        if (is_ascii(value)) return std::nullopt;
        auto domain = mail::to_ascii_domain(value);
        return domain && is_token(*domain) ? std::optional(*std::move(domain)) : std::nullopt;
    }
    const std::string_view local_part = value.substr(0, at);
    const auto domain = mail::to_ascii_domain(value.substr(at + 1));
    if (!domain || !is_domain_name(*domain)) return std::nullopt;
    if (local_part.empty() || is_dot_atom(local_part)) return fmt::format("{}@{}", local_part, *domain);
    if (utf8 == mail::Utf8::allowed && !is_ascii(local_part) && is_utf8(local_part))
        return quoted(fmt::format("{}@{}", local_part, *domain), utf8);
    return *domain;
}

std::string written_value(std::string_view value, mail::Utf8 utf8) {
    if (auto address = address_value(value, utf8)) return *std::move(address);
    return is_token(value) ? std::string(value) : quoted(value, utf8);
}

// No address may stand here (RFC 8601 §2.2).
std::string written_authserv_id(std::string_view id, mail::Utf8 utf8) {
    if (id.find('@') == std::string_view::npos && !id.empty()) return written_value(id, utf8);
    return id.empty() ? "unknown" : quoted(id, utf8);
}

// At most `limit_octets` of a UTF-8 text, no character cut in two.
std::string_view beginning_of(std::string_view text, std::size_t limit_octets) {
    if (text.size() <= limit_octets) return text;
    while (limit_octets > 0 && (static_cast<unsigned char>(text[limit_octets]) & 0xC0) == 0x80) --limit_octets;
    return text.substr(0, limit_octets);
}

void add_comment(FoldedPayload& payload, std::string_view comment) {
    const std::string text = comment_text(beginning_of(comment_text(comment), remark_limit_octets));
    if (text.empty()) return;
    const auto words = split(text, ' ');
    for (std::size_t i = 0; i < words.size(); ++i)
        payload.add(fmt::format("{}{}{}", i == 0 ? "(" : "", words[i], i + 1 == words.size() ? ")" : ""));
}

void add_result(FoldedPayload& payload, const ReportedResult& result, mail::Utf8 utf8) {
    const std::string version = result.version == 1 ? "" : fmt::format("/{}", result.version);
    payload.add_on_next_line(fmt::format("{}{}={}", keyword(result.method), version, keyword(result.result)));
    add_comment(payload, result.comment);
    if (!result.reason.empty()) payload.add("reason=" + quoted(beginning_of(result.reason, remark_limit_octets), utf8));
    std::size_t count = 0;
    for (const ReportedProperty& property : result.properties) {
        if (property.value.empty() || property.value.size() > value_limit_octets) continue;
        if (count++ == property_limit) break;
        payload.add(fmt::format("{}.{}={}", keyword(property.type), keyword(property.name),
                                written_value(property.value, utf8)));
    }
}

void add_property(ReportedResult& result, std::string type, std::string name, std::string_view value) {
    if (!value.empty()) result.properties.push_back({std::move(type), std::move(name), std::string(value)});
}

ReportedResult reported(std::string method, std::string_view result, std::string_view reason) {
    return {.method = std::move(method),
            .result = std::string(result),
            .comment = {},
            .reason = result == "pass" ? std::string() : std::string(reason),
            .properties = {}};
}

ReportedResult reported(const SpfVerdict& spf) {
    ReportedResult result = reported("spf", name_of(spf.result), spf.reason);
    const bool is_helo = spf.identity == SpfIdentity::helo;
    // For HELO the name alone: "postmaster@" is only how the check is made (RFC 7208 §2.4).
    add_property(result, "smtp", is_helo ? "helo" : "mailfrom", is_helo ? spf.domain : spf.sender);
    return result;
}

ReportedResult reported(const DmarcVerdict& dmarc) {
    ReportedResult result = reported("dmarc", name_of(dmarc.result), dmarc.reason);
    if (!dmarc.policy_domain.empty()) {
        result.comment = fmt::format("p={} at {}", name_of(dmarc.published), dmarc.policy_domain);
        add_property(result, "policy", "dmarc", name_of(dmarc.disposition));
    }
    add_property(result, "header", "from", dmarc.author_domain);
    return result;
}

ReportedResult reported(const ArcVerdict& arc, std::string_view client_address) {
    ReportedResult result = reported("arc", name_of(arc.result), arc.reason);
    if (arc.instances > 0) result.comment = fmt::format("i={}", arc.instances);
    if (arc.result == ArcResult::pass)
        add_property(result, "header", "oldest-pass", std::to_string(arc.oldest_pass));  // RFC 8617 §6
    add_property(result, "smtp", "remote-ip", client_address);
    return result;
}

ReportedResult reported(const DkimVerdict& dkim) {
    ReportedResult result = reported("dkim", name_of(dkim.result), dkim.reason);
    if (dkim.key_bits > 0) result.comment = fmt::format("{}-bit key", dkim.key_bits);
    if (dkim.is_testing) result.comment += result.comment.empty() ? "testing" : ", testing";
    add_property(result, "header", "d", dkim.domain);
    add_property(result, "header", "i", dkim.identity);
    add_property(result, "header", "s", dkim.selector);
    add_property(result, "header", "a", dkim.algorithm);
    add_property(result, "header", "b", dkim.signature);
    return result;
}

}  // namespace

std::string_view ReportedResult::property(std::string_view type, std::string_view name) const {
    for (const ReportedProperty& property : properties)
        if (property.type == type && property.name == name) return property.value;
    return {};
}

AuthenticationResults reported_results(std::string_view authserv_id, const MessageVerdicts& verdicts) {
    AuthenticationResults report{.authserv_id = std::string(authserv_id), .results = {}};
    if (!verdicts.login.empty()) {
        ReportedResult& result = report.results.emplace_back(reported("auth", "pass", ""));
        add_property(result, "smtp", "auth", verdicts.login);
    }
    if (verdicts.iprev) {
        ReportedResult& result =
            report.results.emplace_back(reported("iprev", name_of(verdicts.iprev->result), verdicts.iprev->reason));
        result.comment = verdicts.iprev->name;
        add_property(result, "policy", "iprev", verdicts.client_address);
    }
    for (const SpfVerdict& spf : verdicts.spf) report.results.push_back(reported(spf));
    if (verdicts.dmarc) report.results.push_back(reported(*verdicts.dmarc));
    if (verdicts.arc) report.results.push_back(reported(*verdicts.arc, verdicts.client_address));
    if (!verdicts.dkim) return report;
    for (const DkimVerdict& dkim : *verdicts.dkim) report.results.push_back(reported(dkim));
    if (verdicts.dkim->empty()) report.results.push_back(reported("dkim", "none", "no signature"));
    return report;
}

std::string authentication_results_payload(const AuthenticationResults& results, mail::Utf8 utf8, std::size_t column) {
    FoldedPayload payload(column);
    const std::string_view id = beginning_of(results.authserv_id, value_limit_octets);
    payload.add(written_authserv_id(id, utf8));
    payload.end_part();
    if (results.results.empty()) payload.add("none");
    std::size_t count = 0;
    for (const ReportedResult& result : results.results) {
        if (count == result_limit || payload.size() > payload_limit_octets) break;
        if (count++ > 0) payload.end_part();
        add_result(payload, result, utf8);
    }
    return payload.finish();
}

std::string authentication_results_field(const AuthenticationResults& results, mail::Utf8 utf8) {
    const std::string_view name = "Authentication-Results:";
    return fmt::format("{} {}\r\n", name, authentication_results_payload(results, utf8, name.size()));
}

}  // namespace relevo::mailauth

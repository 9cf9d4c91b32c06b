// Reading aggregate reports.
#include "lib/authreports/aggregate_report.h"
#include "lib/base/text.h"
#include "lib/xml/xml_reader.h"

#include <algorithm>
#include <array>
#include <utility>

namespace relevo::authreports {
namespace {

constexpr std::size_t deviation_limit = 20;
constexpr std::size_t repair_limit_octets = 10 * mebibyte;
constexpr std::size_t error_limit = 20;
constexpr std::size_t reason_limit = 20;
constexpr std::size_t evidence_limit = 100;  // RFC 9990 §3.1.3: "no more than 100 signatures for a given row"

// The enumerator of `last` at most whose keyword is `text`, case ignored.
template <class Enum>
std::optional<Enum> enumerator(std::string_view text, Enum last) {
    for (unsigned value = 0; value <= std::to_underlying(last); ++value)
        if (equals_ignoring_case(text, name_of(static_cast<Enum>(value)))) return static_cast<Enum>(value);
    return std::nullopt;
}

std::optional<mailauth::SpfResult> spf_result(std::string_view text) {
    // RFC 7489 appendix C: "commonly implemented as".
    if (equals_ignoring_case(text, "unknown")) return mailauth::SpfResult::temperror;
    if (equals_ignoring_case(text, "error")) return mailauth::SpfResult::permerror;
    if (equals_ignoring_case(text, "hardfail")) return mailauth::SpfResult::fail;
    return enumerator(text, mailauth::SpfResult::permerror);
}

class ReportVisitor : public xml::XmlVisitor {
 public:
    explicit ReportVisitor(std::size_t row_limit) : row_limit_(row_limit) {}

    Result<void> begin(std::string_view name) override {
        names_.emplace_back(name);
        if (name == "feedback") saw_feedback_ = true;
        if (inside("feedback") && name == "record") {
            row_ = {};
            has_address_ = false;
        }
        if (parent() == "auth_results" && name == "dkim") dkim_ = {};
        if (parent() == "auth_results" && name == "spf") spf_ = {};
        if (name == "reason") reason_ = {};
        return {};
    }

    Result<void> end(std::string_view name, std::string_view text) override {
        const std::string_view above = parent();
        const std::string value = printable(text, 4'096);
        if (above == "report_metadata")
            end_metadata(name, value);
        else if (above == "date_range")
            end_date(name, value);
        else if (above == "policy_published")
            end_policy(name, value);
        else if (above == "row" || above == "policy_evaluated" || above == "reason")
            end_row_part(above, name, value);
        else if (above == "identifiers")
            end_identifier(name, value);
        else if (above == "auth_results" || grandparent() == "auth_results")
            end_evidence(above, name, value);
        names_.pop_back();
        if (name == "feedback") is_complete_ = true;
        return name == "record" ? end_record() : Result<void>();
    }

    [[nodiscard]] bool saw_feedback() const { return saw_feedback_; }
    [[nodiscard]] bool is_complete() const { return is_complete_; }
    void deviate(std::string what) {
        if (read_.deviations.size() < deviation_limit &&
            std::ranges::find(read_.deviations, what) == read_.deviations.end())
            read_.deviations.push_back(std::move(what));
    }
    [[nodiscard]] ReadAggregateReport take() && { return std::move(read_); }

 private:
    [[nodiscard]] std::string_view parent() const {
        return names_.size() >= 2 ? names_[names_.size() - 2] : std::string_view();
    }
    [[nodiscard]] std::string_view grandparent() const {
        return names_.size() >= 3 ? names_[names_.size() - 3] : std::string_view();
    }
    [[nodiscard]] bool inside(std::string_view name) const { return parent() == name; }

    void end_metadata(std::string_view name, const std::string& value) {
        AggregateReport& report = read_.report;
        if (name == "org_name") report.organization = value;
        if (name == "email") report.email = value;
        if (name == "extra_contact_info") report.extra_contact = value;
        if (name == "report_id") report.report_id = value;
        if (name == "generator") report.generator = value;
        if (name == "error" && report.errors.size() < error_limit) report.errors.push_back(value);
    }

    void end_date(std::string_view name, const std::string& value) {
        // Some write milliseconds, fractions or an ISO date; only whole seconds are clear.
        const auto seconds = parse_decimal<std::uint32_t>(value);
        if (!seconds) return deviate("the time range is not in seconds");
        const std::chrono::sys_seconds time{std::chrono::seconds(*seconds)};
        (name == "begin" ? read_.report.begin : read_.report.end) = time;
    }

    void end_policy(std::string_view name, const std::string& value) {
        PublishedPolicy& policy = read_.report.policy;
        const auto read_policy = [&] {
            const auto found = enumerator(value, mailauth::DmarcPolicy::reject);
            if (!found && !value.empty()) deviate("\"" + value + "\" is no policy");
            return found;
        };
        const auto alignment =
            equals_ignoring_case(value, "s") ? mailauth::DmarcAlignment::strict : mailauth::DmarcAlignment::relaxed;
        if (name == "domain") policy.domain = to_lower(value);
        if (name == "p") policy.policy = read_policy().value_or(mailauth::DmarcPolicy::none);
        if (name == "sp") policy.subdomain_policy = read_policy();
        if (name == "np") policy.nonexistent_policy = read_policy();
        if (name == "adkim" && !value.empty()) policy.dkim_alignment = alignment;
        if (name == "aspf" && !value.empty()) policy.spf_alignment = alignment;
        if (name == "testing") policy.is_testing = equals_ignoring_case(value, "y");
        if (name == "fo") policy.failure_options = value;
        if (name == "pct") policy.percentage = parse_decimal<unsigned>(value);
        if (name == "discovery_method")
            policy.discovery = equals_ignoring_case(value, "psl")        ? DiscoveryMethod::public_suffix_list
                               : equals_ignoring_case(value, "treewalk") ? DiscoveryMethod::tree_walk
                                                                         : DiscoveryMethod::unknown;
    }

    void end_row_part(std::string_view above, std::string_view name, const std::string& value) {
        if (above == "row" && name == "source_ip") {
            const auto address = dns::IpAddress::parse(value);
            has_address_ = address.has_value();
            if (address) row_.source = *address;
        }
        if (above == "row" && name == "count") row_.count = parse_decimal<std::uint64_t>(value).value_or(0);
        if (above == "policy_evaluated") {
            if (name == "disposition") {
                const auto found = enumerator(value, Disposition::reject);
                if (!found) deviate("\"" + value + "\" is no disposition");
                row_.disposition = found.value_or(Disposition::none);
            }
            if (name == "dkim") row_.dkim_aligned = equals_ignoring_case(value, "pass");
            if (name == "spf") row_.spf_aligned = equals_ignoring_case(value, "pass");
            if (name == "reason" && row_.reasons.size() < reason_limit && !reason_.type.empty())
                row_.reasons.push_back(std::exchange(reason_, {}));
        }
        if (above == "reason" && name == "type") reason_.type = to_lower(value);
        if (above == "reason" && name == "comment") reason_.comment = value;
    }

    void end_identifier(std::string_view name, const std::string& value) {
        if (name == "header_from") row_.header_from = to_lower(value);
        if (name == "envelope_from") row_.envelope_from = value;
        if (name == "envelope_to") row_.envelope_to = to_lower(value);
    }

    void end_evidence(std::string_view above, std::string_view name, const std::string& value) {
        if (above == "auth_results" && name == "dkim" && row_.dkim.size() < evidence_limit) row_.dkim.push_back(dkim_);
        if (above == "auth_results" && name == "spf" && row_.spf.size() < evidence_limit) row_.spf.push_back(spf_);
        if (above == "dkim") {
            if (name == "domain") dkim_.domain = to_lower(value);
            if (name == "selector") dkim_.selector = value;
            if (name == "human_result") dkim_.human_result = value;
            if (name == "result") {
                const auto found = enumerator(value, mailauth::DkimResult::permerror);
                if (!found) deviate("\"" + value + "\" is no result of DKIM");
                dkim_.result = found.value_or(mailauth::DkimResult::none);
            }
        }
        if (above != "spf") return;
        if (name == "domain") spf_.domain = to_lower(value);
        if (name == "human_result") spf_.human_result = value;
        if (name == "scope" && equals_ignoring_case(value, "helo")) spf_.scope = mailauth::SpfIdentity::helo;
        if (name == "result") {
            const auto found = spf_result(value);
            if (!found) deviate("\"" + value + "\" is no result of SPF");
            spf_.result = found.value_or(mailauth::SpfResult::none);
        }
    }

    Result<void> end_record() {
        if (read_.report.rows.size() >= row_limit_)
            return failure(ErrorKind::limit, "a report of more than " + std::to_string(row_limit_) + " rows");
        if (!has_address_ || row_.count == 0)
            deviate(has_address_ ? "a row without a count is left out" : "a row without a client address is left out");
        else
            read_.report.rows.push_back(std::exchange(row_, {}));
        return {};
    }

    std::size_t row_limit_;
    std::vector<std::string> names_;  // of the open elements
    ReadAggregateReport read_;
    ReportRow row_;
    bool has_address_ = false;
    DkimEvidence dkim_;
    SpfEvidence spf_;
    OverrideReason reason_;
    bool saw_feedback_ = false;
    bool is_complete_ = false;
};

// Whether `rest`, which begins with "<", could be a tag: a name, then white space, "/" or ">".
bool begins_a_tag(std::string_view rest) {
    rest.remove_prefix(1);
    if (rest.starts_with("!") || rest.starts_with("?")) return true;
    if (rest.starts_with("/")) rest.remove_prefix(1);
    std::size_t at = 0;
    while (at < rest.size() && (is_alpha(rest[at]) || is_digit(rest[at]) ||
                                std::string_view("_:.-").find(rest[at]) != std::string_view::npos))
        ++at;
    return at > 0 && !is_digit(rest.front()) && at < rest.size() &&
           std::string_view(" \t\r\n/>").find(rest[at]) != std::string_view::npos;
}

// The five that XML knows, and characters by number; others, such as "&nbsp;", are text to us.
bool begins_an_entity(std::string_view rest) {
    rest = rest.substr(1, rest.find(';') - 1);
    if (rest.starts_with("#"))
        return rest.size() > 1 &&
               std::ranges::all_of(rest.substr(1), [](char c) { return is_digit(c) || is_alpha(c); });
    return rest == "amp" || rest == "lt" || rest == "gt" || rest == "quot" || rest == "apos";
}

// "<bob@example.com>" and a bare "&" escaped, as their writers forgot to.
std::string with_escapes(std::string_view xml) {
    std::string repaired;
    repaired.reserve(xml.size());
    for (std::size_t at = 0; at < xml.size(); ++at) {
        if (xml[at] == '<' && !begins_a_tag(xml.substr(at, 200)))
            repaired += "&lt;";
        else if (xml[at] == '&' && !begins_an_entity(xml.substr(at, 12)))
            repaired += "&amp;";
        else
            repaired += xml[at];
    }
    return repaired;
}

}  // namespace

Result<ReadAggregateReport> parse_aggregate_report(std::string_view document, ReportBounds bounds) {
    const xml::XmlBounds xml_bounds{.octets = bounds.octets, .depth = bounds.depth};
    const auto attempt = [&](std::string_view text, std::string deviation) -> Result<ReadAggregateReport> {
        ReportVisitor visitor(bounds.rows);
        const auto walked = xml::walk_xml(text, visitor, xml_bounds);
        if (!walked && walked.error().kind != ErrorKind::invalid) return std::unexpected(walked.error());
        if (!walked && !visitor.is_complete()) return std::unexpected(walked.error());
        if (!visitor.saw_feedback())
            return failure(ErrorKind::invalid, "the XML is no DMARC report: it has no <feedback>");
        if (!walked) visitor.deviate("what stands behind </feedback> is not XML");
        if (!deviation.empty()) visitor.deviate(std::move(deviation));
        ReadAggregateReport read = std::move(visitor).take();
        if (read.report.policy.domain.empty()) return failure(ErrorKind::invalid, "the report names no domain");
        return read;
    };
    auto read = attempt(document, {});
    if (read || read.error().kind != ErrorKind::invalid) return read;
    if (document.size() > repair_limit_octets) return read;
    const std::string repaired = with_escapes(trimmed(document));
    if (repaired == document) return read;
    auto again = attempt(repaired, "the XML was not well-formed: " + read.error().detail);
    return again ? std::move(again) : std::move(read);
}

}  // namespace relevo::authreports

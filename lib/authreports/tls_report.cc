#include "lib/authreports/tls_report.h"

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/base/time_text.h"
#include "lib/json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <optional>

namespace relevo::authreports {
namespace {

constexpr std::size_t text_limit_octets = 1'000;
constexpr std::size_t list_limit = 1'000;
constexpr std::size_t failure_limit = 10'000;

using boost::json::value;

std::string text_member(const value& object, std::string_view name) {
    return printable(json::text_of(json::member(object, name)), text_limit_octets);
}

std::uint64_t count_member(const value& object, std::string_view name) {
    const value* found = json::member(object, name);
    if (found == nullptr) return 0;
    if (const auto* number = found->if_uint64()) return *number;
    if (const auto* number = found->if_int64()) return *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
    return parse_decimal<std::uint64_t>(json::text_of(found)).value_or(0);
}

// A list of strings, or one string in place of a list.
std::vector<std::string> list_member(const value& object, std::string_view name) {
    std::vector<std::string> list;
    const value* found = json::member(object, name);
    if (found == nullptr) return list;
    if (const auto* array = found->if_array()) {
        for (const value& one : *array)
            if (list.size() < list_limit) list.push_back(printable(json::text_of(&one), text_limit_octets));
    } else if (const std::string_view text = json::text_of(found); !text.empty()) {
        list.push_back(printable(text, text_limit_octets));
    }
    return list;
}

const boost::json::array* array_member(const value& object, std::string_view name) {
    const value* found = json::member(object, name);
    return found != nullptr ? found->if_array() : nullptr;
}

std::string format_time(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

TlsFailure read_failure(const value& object) {
    return {.result_type = text_member(object, "result-type"),
            .sending_address = text_member(object, "sending-mta-ip"),
            .receiving_host = text_member(object, "receiving-mx-hostname"),
            .receiving_helo = text_member(object, "receiving-mx-helo"),
            .receiving_address = text_member(object, "receiving-ip"),
            .sessions = count_member(object, "failed-session-count"),
            .additional_information = text_member(object, "additional-information"),
            .reason_code = text_member(object, "failure-reason-code")};
}

TlsPolicyResult read_policy(const value& object) {
    TlsPolicyResult result;
    if (const value* policy = json::member(object, "policy")) {
        result.policy_type = text_member(*policy, "policy-type");
        result.policy_strings = list_member(*policy, "policy-string");
        result.policy_domain = to_lower(text_member(*policy, "policy-domain"));
        result.mx_patterns = list_member(*policy, "mx-host");
        // The published example of the RFC names it so (erratum 6241).
        if (result.mx_patterns.empty()) result.mx_patterns = list_member(*policy, "mx-host-pattern");
    }
    if (const value* summary = json::member(object, "summary")) {
        result.successful_sessions = count_member(*summary, "total-successful-session-count");
        result.failed_sessions = count_member(*summary, "total-failure-session-count");
    }
    if (const auto* failures = array_member(object, "failure-details"))
        for (const value& one : *failures)
            if (result.failures.size() < failure_limit) result.failures.push_back(read_failure(one));
    return result;
}

std::string json_list(const std::vector<std::string>& list) {
    std::string json = "[";
    for (const std::string& one : list) {
        if (json.size() > 1) json += ',';
        append_json_string(json, one);
    }
    return json + "]";
}

std::string json_failure(const TlsFailure& failure) {
    JsonWriter json;
    json.field("result-type", failure.result_type)
        .optional("sending-mta-ip", failure.sending_address)
        .optional("receiving-mx-hostname", failure.receiving_host)
        .optional("receiving-mx-helo", failure.receiving_helo)
        .optional("receiving-ip", failure.receiving_address)
        .field("failed-session-count", failure.sessions)
        .optional("additional-information", failure.additional_information)
        .optional("failure-reason-code", failure.reason_code);
    return json.finish();
}

std::string json_policy(const TlsPolicyResult& result) {
    JsonWriter policy;
    policy.field("policy-type", result.policy_type);
    if (!result.policy_strings.empty()) policy.raw("policy-string", json_list(result.policy_strings));
    policy.field("policy-domain", result.policy_domain);
    if (!result.mx_patterns.empty()) policy.raw("mx-host", json_list(result.mx_patterns));
    JsonWriter summary;
    summary.field("total-successful-session-count", result.successful_sessions)
        .field("total-failure-session-count", result.failed_sessions);
    JsonWriter json;
    json.raw("policy", policy.finish()).raw("summary", summary.finish());
    std::string failures = "[";
    for (const TlsFailure& failure : result.failures)
        failures += (failures.size() > 1 ? "," : "") + json_failure(failure);
    if (!result.failures.empty()) json.raw("failure-details", failures + "]");
    return json.finish();
}

}  // namespace

Result<TlsReportingRecord> parse_tls_reporting_record(std::string_view text) {
    const auto tags = mailauth::split_record_tags(text);
    // §3: "v=TLSRPTv1" comes first, in exactly this spelling.
    if (tags.front().name != "v" || tags.front().value != "TLSRPTv1")
        return failure(ErrorKind::invalid, equals_ignoring_case(tags.front().value, "TLSRPTv1")
                                               ? "the version must be written v=TLSRPTv1; this record is ignored"
                                               : "not a TLS reporting record: it does not begin with v=TLSRPTv1;");
    TlsReportingRecord record;
    for (std::size_t i = 1; i < tags.size(); ++i) {
        if (tags[i].name == "rua" && record.uris.empty())
            record.uris =
                mailauth::parse_report_uris(tags[i].value, "rua", mailauth::SizeLimits::none, record.problems);
        else if (tags[i].name == "rua")
            record.problems.push_back(
                {mailauth::ProblemWeight::error, "rua", "stands there twice: only the first counts"});
        else if (tags[i].name.empty() && !tags[i].value.empty())
            record.problems.push_back({mailauth::ProblemWeight::error,
                                       {},
                                       "\"" + printable(tags[i].value, 80) + "\" has no name and is ignored"});
    }
    std::erase_if(record.uris, [&](const mailauth::ReportUri& uri) {
        const bool is_known = uri.scheme == "mailto" || uri.scheme == "https";
        if (!is_known)
            record.problems.push_back({mailauth::ProblemWeight::error, "rua",
                                       "reports go to mailto: and https: only, not to " + printable(uri.text, 200)});
        return !is_known;
    });
    if (record.uris.empty())
        record.problems.push_back({mailauth::ProblemWeight::error, "rua", "no address: nobody sends reports"});
    return record;
}

Result<TlsReport> parse_tls_report(std::string_view text) {
    RELEVO_TRY(const value parsed, json::parse(text));
    const auto* policies = array_member(parsed, "policies");
    if (policies == nullptr)
        return failure(ErrorKind::invalid, "the JSON is no TLS report: it has no list of policies");
    TlsReport report;
    report.organization = text_member(parsed, "organization-name");
    report.contact = text_member(parsed, "contact-info");
    report.report_id = text_member(parsed, "report-id");
    if (const value* range = json::member(parsed, "date-range")) {
        report.begin = parse_rfc3339(json::text_of(json::member(*range, "start-datetime"))).value_or(report.begin);
        report.end = parse_rfc3339(json::text_of(json::member(*range, "end-datetime"))).value_or(report.end);
    }
    if (policies->size() > list_limit) return failure(ErrorKind::limit, "a TLS report of more than 1,000 policies");
    for (const value& policy : *policies) report.policies.push_back(read_policy(policy));
    return report;
}

std::string write_tls_report(const TlsReport& report) {
    JsonWriter range;
    range.field("start-datetime", format_time(report.begin)).field("end-datetime", format_time(report.end));
    std::string policies = "[";
    for (const TlsPolicyResult& policy : report.policies)
        policies += (policies.size() > 1 ? "," : "") + json_policy(policy);
    JsonWriter json;
    json.field("organization-name", report.organization)
        .raw("date-range", range.finish())
        .field("contact-info", report.contact)
        .field("report-id", report.report_id)
        .raw("policies", policies + "]");
    return json.finish();
}

}  // namespace relevo::authreports

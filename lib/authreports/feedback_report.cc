#include "lib/authreports/feedback_report.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <array>
#include <utility>

namespace relevo::authreports {
namespace {

constexpr std::size_t value_limit_octets = 1'000;
constexpr std::size_t list_limit = 100;

std::string without_brackets(std::string value) {
    if (value.size() >= 2 && value.front() == '<' && value.back() == '>') return value.substr(1, value.size() - 2);
    return value;
}

// "192.0.2.1 (host.example)" to the address.
std::string_view first_word(std::string_view value) { return value.substr(0, value.find_first_of(" \t(")); }

void append(std::vector<std::string>& list, std::string value) {
    if (list.size() < list_limit && !value.empty()) list.push_back(std::move(value));
}

class FieldReader {
 public:
    FieldReader(FeedbackReport& report, DateReader read_date) : report_(report), read_date_(read_date) {}

    void read(std::string_view name, std::string value) {
        if (read_text(name, value) || read_list(name, value)) return;
        if (equals_ignoring_case(name, "Arrival-Date") || equals_ignoring_case(name, "Received-Date")) {
            if (!report_.arrival) report_.arrival = read_date_(value);
        } else if (equals_ignoring_case(name, "Source-IP")) {
            if (auto source = dns::IpAddress::parse(first_word(value))) report_.source = *source;
        } else if (equals_ignoring_case(name, "Source-Port")) {
            report_.source_port = parse_decimal<std::uint16_t>(value).value_or(0);
        } else if (equals_ignoring_case(name, "Incidents")) {
            report_.incidents = parse_decimal<std::uint64_t>(value).value_or(1);
        } else if (equals_ignoring_case(name, "Reporting-MTA")) {
            const auto semicolon = value.find(';');
            report_.reporting_mta =
                trimmed(semicolon == std::string::npos ? std::string_view(value)
                                                       : std::string_view(value).substr(semicolon + 1));
        }
    }

 private:
    enum class Case : bool { kept, lower };
    struct TextField {
        std::string_view name;
        std::string FeedbackReport::* member;
        Case spelling;
    };

    // The first of each name counts.
    bool read_text(std::string_view name, const std::string& value) {
        static constexpr auto fields = std::to_array<TextField>({
            {"Feedback-Type", &FeedbackReport::type, Case::lower},
            {"User-Agent", &FeedbackReport::user_agent, Case::kept},
            {"Version", &FeedbackReport::version, Case::kept},
            {"Original-Envelope-Id", &FeedbackReport::original_envelope_id, Case::kept},
            {"Original-Mail-From", &FeedbackReport::original_mail_from, Case::kept},
            {"Auth-Failure", &FeedbackReport::auth_failure, Case::lower},
            {"Delivery-Result", &FeedbackReport::delivery_result, Case::lower},
            {"Identity-Alignment", &FeedbackReport::identity_alignment, Case::lower},
            {"DKIM-Domain", &FeedbackReport::dkim_domain, Case::lower},
            {"DKIM-Identity", &FeedbackReport::dkim_identity, Case::kept},
            {"DKIM-Selector", &FeedbackReport::dkim_selector, Case::kept},
            {"DKIM-Selector-DNS", &FeedbackReport::dkim_selector_record, Case::kept},
            {"SPF-DNS", &FeedbackReport::spf_record, Case::kept},
        });
        for (const TextField& field : fields) {
            if (!equals_ignoring_case(name, field.name)) continue;
            std::string& member = report_.*field.member;
            if (member.empty()) member = field.spelling == Case::lower ? to_lower(value) : value;
            return true;
        }
        return false;
    }

    bool read_list(std::string_view name, const std::string& value) {
        if (equals_ignoring_case(name, "Original-Rcpt-To"))
            append(report_.original_recipients, without_brackets(value));
        else if (equals_ignoring_case(name, "Authentication-Results"))
            append(report_.authentication_results, value);
        else if (equals_ignoring_case(name, "Reported-Domain"))
            append(report_.reported_domains, to_lower(value));
        else if (equals_ignoring_case(name, "Reported-URI"))
            append(report_.reported_uris, value);
        else
            return false;
        return true;
    }

    FeedbackReport& report_;
    DateReader read_date_;
};

}  // namespace

Result<FeedbackReport> parse_feedback_report(std::string_view fields, std::string_view original, bool has_content,
                                             DateReader read_date) {
    // Some writers leave an empty line before the first field.
    while (fields.starts_with("\r\n") || fields.starts_with("\n")) fields.remove_prefix(fields.find('\n') + 1);
    RELEVO_TRY(const mail::Header header, mail::Header::parse(fields));
    FeedbackReport report;
    FieldReader reader(report, read_date);
    for (const mail::Field& field : header.fields())
        reader.read(field.name, printable(mail::unfolded(field.value), value_limit_octets));
    if (report.type.empty()) return failure(ErrorKind::invalid, "a feedback report without a Feedback-Type");
    report.original_mail_from = without_brackets(std::move(report.original_mail_from));
    report.original = original;
    report.has_content = has_content;
    return report;
}

}  // namespace relevo::authreports

// Writing aggregate reports.
#include "lib/authreports/aggregate_report.h"

#include "lib/base/text.h"

#include <array>
#include <utility>

namespace relevo::authreports {
namespace {

constexpr std::size_t text_limit_octets = 500;

class XmlWriter {
 public:
    XmlWriter& open(std::string_view name, std::string_view attributes = {}) {
        indent();
        text_.append("<").append(name).append(attributes).append(">\n");
        ++depth_;
        return *this;
    }
    XmlWriter& close(std::string_view name) {
        --depth_;
        indent();
        text_.append("</").append(name).append(">\n");
        return *this;
    }
    XmlWriter& element(std::string_view name, std::string_view value) {
        indent();
        text_.append("<").append(name).append(">");
        append_escaped(printable(value, text_limit_octets));
        text_.append("</").append(name).append(">\n");
        return *this;
    }
    XmlWriter& element(std::string_view name, std::uint64_t value) { return element(name, std::to_string(value)); }
    XmlWriter& optional(std::string_view name, std::string_view value) {
        return value.empty() ? *this : element(name, value);
    }
    [[nodiscard]] std::string finish() { return std::move(text_); }

 private:
    void indent() { text_.append(2 * depth_, ' '); }
    void append_escaped(std::string_view value) {
        for (const char c : value) {
            if (c == '&')
                text_ += "&amp;";
            else if (c == '<')
                text_ += "&lt;";
            else if (c == '>')
                text_ += "&gt;";
            else
                text_ += c;
        }
    }
    std::string text_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    std::size_t depth_ = 0;
};

std::uint64_t seconds(std::chrono::sys_seconds time) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

std::string_view letter_of(mailauth::DmarcAlignment alignment) {
    return alignment == mailauth::DmarcAlignment::strict ? "s" : "r";
}

void write_metadata(XmlWriter& xml, const AggregateReport& report, ReportForm form) {
    xml.open("report_metadata")
        .element("org_name", report.organization)
        .element("email", report.email)
        .optional("extra_contact_info", report.extra_contact)
        .element("report_id", report.report_id)
        .open("date_range")
        .element("begin", seconds(report.begin))
        .element("end", seconds(report.end))
        .close("date_range");
    for (const std::string& error : report.errors) xml.element("error", error);
    if (form == ReportForm::rfc9990) xml.optional("generator", report.generator);
    xml.close("report_metadata");
}

void write_policy(XmlWriter& xml, const PublishedPolicy& policy, ReportForm form) {
    const bool is_new = form == ReportForm::rfc9990;
    xml.open("policy_published").element("domain", policy.domain);
    if (is_new && policy.discovery != DiscoveryMethod::unknown)
        xml.element("discovery_method", policy.discovery == DiscoveryMethod::tree_walk ? "treewalk" : "psl");
    if (policy.dkim_alignment) xml.element("adkim", letter_of(*policy.dkim_alignment));
    if (policy.spf_alignment) xml.element("aspf", letter_of(*policy.spf_alignment));
    xml.element("p", mailauth::name_of(policy.policy));
    // RFC 7489's schema demands sp.
    if (policy.subdomain_policy || !is_new)
        xml.element("sp", mailauth::name_of(policy.subdomain_policy.value_or(policy.policy)));
    if (is_new && policy.nonexistent_policy) xml.element("np", mailauth::name_of(*policy.nonexistent_policy));
    if (is_new) xml.element("testing", policy.is_testing ? "y" : "n");
    if (!is_new) xml.element("pct", policy.percentage.value_or(100));
    xml.optional("fo", policy.failure_options).close("policy_published");
}

void write_evidence(XmlWriter& xml, const ReportRow& row, ReportForm form) {
    xml.open("auth_results");
    for (const DkimEvidence& dkim : row.dkim)
        xml.open("dkim")
            .element("domain", dkim.domain)
            .element("selector", dkim.selector)
            .element("result", mailauth::name_of(dkim.result))
            .optional("human_result", dkim.human_result)
            .close("dkim");
    for (const SpfEvidence& spf : row.spf) {
        const bool is_helo = spf.scope == mailauth::SpfIdentity::helo;
        if (is_helo && form == ReportForm::rfc9990) continue;  // RFC 9990 §3.1.1.13: "mfrom", the only valid value
        xml.open("spf")
            .element("domain", spf.domain)
            .element("scope", is_helo ? "helo" : "mfrom")
            .element("result", mailauth::name_of(spf.result));
        if (form == ReportForm::rfc9990) xml.optional("human_result", spf.human_result);
        xml.close("spf");
    }
    xml.close("auth_results");
}

void write_row(XmlWriter& xml, const ReportRow& row, ReportForm form) {
    const bool is_new = form == ReportForm::rfc9990;
    const Disposition disposition =
        !is_new && row.disposition == Disposition::pass ? Disposition::none : row.disposition;
    xml.open("record")
        .open("row")
        .element("source_ip", row.source.text())
        .element("count", row.count)
        .open("policy_evaluated")
        .element("disposition", name_of(disposition))
        .element("dkim", row.dkim_aligned ? "pass" : "fail")
        .element("spf", row.spf_aligned ? "pass" : "fail");
    for (const OverrideReason& reason : row.reasons) {
        // policy_test_mode is new; the older word for "not applied because of pct" was sampled_out.
        const bool is_test = reason.type == "policy_test_mode";
        xml.open("reason")
            .element("type", is_test && !is_new ? "sampled_out" : reason.type)
            .optional("comment", reason.comment)
            .close("reason");
    }
    xml.close("policy_evaluated").close("row").open("identifiers").optional("envelope_to", row.envelope_to);
    // RFC 9990 §3.1.1.10: present and empty for a null reverse-path. The header_from is last in the older schema.
    xml.element("envelope_from", row.envelope_from).element("header_from", row.header_from).close("identifiers");
    write_evidence(xml, row, form);
    xml.close("record");
}

}  // namespace

std::string_view name_of(Disposition disposition) {
    static constexpr auto names = std::to_array<std::string_view>({"none", "pass", "quarantine", "reject"});
    return names.at(std::to_underlying(disposition));
}

PublishedPolicy published_policy(std::string policy_domain, const mailauth::DmarcRecord& record) {
    return {.domain = std::move(policy_domain),
            .policy = record.own_policy(),
            .subdomain_policy = record.policy_of_subdomain(),
            .nonexistent_policy = record.policy_of_nonexistent(),
            .dkim_alignment = record.dkim_alignment,
            .spf_alignment = record.spf_alignment,
            .is_testing = record.is_testing,
            .failure_options = record.failure_uris.empty() ? std::string() : record.failure_options,
            .discovery = DiscoveryMethod::tree_walk,
            .percentage = record.percentage};
}

std::string write_aggregate_report(const AggregateReport& report, ReportForm form) {
    XmlWriter xml;
    xml.open("feedback", form == ReportForm::rfc9990 ? " xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"" : "");
    xml.element("version", "1.0");
    write_metadata(xml, report, form);
    write_policy(xml, report.policy, form);
    for (const ReportRow& row : report.rows) write_row(xml, row, form);
    return xml.close("feedback").finish();
}

}  // namespace relevo::authreports

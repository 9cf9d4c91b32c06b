#include "core/reporting/reporting_metrics.h"

namespace relevo {
namespace {

constexpr std::string_view counted_name = "relevo_dmarc_counted_messages_total";
constexpr std::string_view counted_help = "Messages from outside, by how they went into aggregate reports";
constexpr std::string_view sent_name = "relevo_dmarc_reports_total";
constexpr std::string_view sent_help = "Aggregate reports to owners of domains, by what became of them";
constexpr std::string_view received_name = "relevo_received_reports_total";
constexpr std::string_view received_help = "Reports that came to our report addresses, by what became of them";

constexpr std::string_view sessions_name = "relevo_tls_counted_sessions_total";
constexpr std::string_view sessions_help = "TLS sessions with servers of others, by how they went into TLS reports";
constexpr std::string_view sent_tls_name = "relevo_tls_reports_total";
constexpr std::string_view sent_tls_help = "TLS reports to owners of domains, by what became of them";

struct Name {
    std::string_view name, help;
};
ReportingMetrics::OfKind of_kind(Metrics& metrics, Name counted, Name reports) {
    const auto counter = [&](const Name& of, std::string_view result) -> Counter& {
        return metrics.counter(of.name, of.help, {{"result", result}});
    };
    return {.counted = counter(counted, "kept"),
            .merged = counter(counted, "merged"),
            .dropped = counter(counted, "dropped"),
            .sent = counter(reports, "sent"),
            .not_wanted = counter(reports, "not_wanted"),
            .failed = counter(reports, "failed")};
}

}  // namespace

ReportingMetrics::ReportingMetrics(Metrics& metrics)
    : dmarc(of_kind(metrics, {counted_name, counted_help}, {sent_name, sent_help})),
      tls(of_kind(metrics, {sessions_name, sessions_help}, {sent_tls_name, sent_tls_help})),
      received(metrics.counter(received_name, received_help, {{"result", "kept"}})),
      repeated(metrics.counter(received_name, received_help, {{"result", "repeated"}})),
      damaged(metrics.counter(received_name, received_help, {{"result", "damaged"}})),
      skipped(metrics.counter(received_name, received_help, {{"result", "skipped"}})),
      foreign(metrics.counter(received_name, received_help, {{"result", "not_ours"}})),
      domain_full(metrics.counter(received_name, received_help, {{"result", "domain_full"}})),
      full(metrics.counter(received_name, received_help, {{"result", "full"}})) {}

}  // namespace relevo

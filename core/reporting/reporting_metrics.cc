#include "core/reporting/reporting_metrics.h"

namespace relevo {
namespace {

constexpr std::string_view counted_name = "relevo_dmarc_counted_messages_total";
constexpr std::string_view counted_help = "Messages from outside, by how they went into aggregate reports";
constexpr std::string_view sent_name = "relevo_dmarc_reports_total";
constexpr std::string_view sent_help = "Aggregate reports to owners of domains, by what became of them";
constexpr std::string_view received_name = "relevo_received_reports_total";
constexpr std::string_view received_help = "Reports that came to our report addresses, by what became of them";

}  // namespace

ReportingMetrics::ReportingMetrics(Metrics& metrics)
    : counted(metrics.counter(counted_name, counted_help, {{"result", "kept"}})),
      merged(metrics.counter(counted_name, counted_help, {{"result", "merged"}})),
      dropped(metrics.counter(counted_name, counted_help, {{"result", "dropped"}})),
      sent(metrics.counter(sent_name, sent_help, {{"result", "sent"}})),
      not_wanted(metrics.counter(sent_name, sent_help, {{"result", "not_wanted"}})),
      failed(metrics.counter(sent_name, sent_help, {{"result", "failed"}})),
      received(metrics.counter(received_name, received_help, {{"result", "kept"}})),
      repeated(metrics.counter(received_name, received_help, {{"result", "repeated"}})),
      damaged(metrics.counter(received_name, received_help, {{"result", "damaged"}})),
      skipped(metrics.counter(received_name, received_help, {{"result", "skipped"}})),
      foreign(metrics.counter(received_name, received_help, {{"result", "not_ours"}})),
      domain_full(metrics.counter(received_name, received_help, {{"result", "domain_full"}})),
      full(metrics.counter(received_name, received_help, {{"result", "full"}})) {}

}  // namespace relevo

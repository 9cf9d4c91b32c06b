#include "app/relevo/state_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace relevo {
namespace {

std::int64_t seconds_of(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

// Paths and names are the operator's; a certificate's names are anybody's.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out + "\"";
}

void begin(std::string& page, std::string_view name, std::string_view type, std::string_view help) {
    page += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

template <class Number>
void gauge(std::string& page, std::string_view name, std::string_view help, Number value) {
    begin(page, name, "gauge", help);
    page += fmt::format("{} {}\n", name, value);
}

void render_queue(std::string& page, const Spool::Numbers& queue, WallClock::time_point now) {
    const auto age = queue.oldest_waiting ? now - *queue.oldest_waiting : WallClock::duration::zero();
    gauge(page, "relevo_queue_oldest_seconds", "Age of the oldest message that waits and is not held; 0: none waits",
          std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(age).count(), 0));
    gauge(page, "relevo_suspensions", "Destinations, sites and providers that a person suspended", queue.suspensions);
    gauge(page, "relevo_last_backup_timestamp_seconds", "The moment that the newest backup shows; 0: there was none",
          queue.last_backup ? seconds_of(*queue.last_backup) : 0);
}

}  // namespace

std::string state_metrics(const StateNumbers& numbers, WallClock::time_point now) {
    std::string page;
    begin(page, "relevo_build_info", "gauge", "Which version runs");
    page += fmt::format("relevo_build_info{{version={}}} 1\n", quoted(RELEVO_VERSION));
    if (numbers.queue) render_queue(page, *numbers.queue, now);
    gauge(page, "relevo_suspended_tenants", "Tenants whose mail is refused because a person said so",
          numbers.suspended_tenants);
    if (numbers.disk_available)
        gauge(page, "relevo_disk_available_octets", "Room on the disk of the store", *numbers.disk_available);
    gauge(page, "relevo_disk_reserve_octets", "With less room than this new mail is refused with 452",
          numbers.disk_reserve);
    gauge(page, "relevo_store_damaged_pages", "Pages of the databases that were found damaged since the start",
          numbers.damaged_pages);
    begin(page, "relevo_certificate_expiry_timestamp_seconds", "gauge", "When a certificate in force expires");
    for (const net::CertificateSummary& certificate : numbers.certificates)
        page += fmt::format("relevo_certificate_expiry_timestamp_seconds{{name={},file={}}} {}\n",
                            quoted(certificate.names.empty() ? "" : certificate.names.front()),
                            quoted(certificate.file), seconds_of(certificate.expires));
    begin(page, "relevo_log_problems_total", "counter", "Lines of the log that tell of a problem, by level");
    page += fmt::format("relevo_log_problems_total{{level=\"warning\"}} {}\n", numbers.warnings);
    page += fmt::format("relevo_log_problems_total{{level=\"error\"}} {}\n", numbers.errors);
    return page;
}

}  // namespace relevo

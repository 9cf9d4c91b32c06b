// Fuzz target F13, aggregate reports: bounds hold, and each row keeps its meaning as XML and as a key.
#include "lib/authreports/report_rows.h"

#include <cstdlib>

namespace {

using namespace relevo::authreports;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_row(const ReportRow& row) {
    require(row.count > 0 && row.dkim.size() <= 100 && row.spf.size() <= 100 && row.reasons.size() <= 20);
    const auto again = row_from_key(key_of(row));
    require(again.has_value() && again->source == row.source && again->dkim.size() == row.dkim.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    (void)row_from_key(input);
    const auto read = parse_aggregate_report(input, {.octets = 65'536, .depth = 64, .rows = 100});
    if (!read) {
        require(!read.error().detail.empty());
        return 0;
    }
    require(read->report.rows.size() <= 100 && read->deviations.size() <= 20 && read->report.errors.size() <= 20);
    require(!read->report.policy.domain.empty());
    for (const ReportRow& row : read->report.rows) check_row(row);
    for (const ReportForm form : {ReportForm::rfc9990, ReportForm::rfc7489}) {
        const auto again = parse_aggregate_report(write_aggregate_report(read->report, form));
        require(again.has_value() && again->report.rows.size() == read->report.rows.size());
        for (std::size_t i = 0; i < again->report.rows.size(); ++i) {
            require(again->report.rows[i].source == read->report.rows[i].source);
            require(again->report.rows[i].count == read->report.rows[i].count);
        }
    }
    return 0;
}

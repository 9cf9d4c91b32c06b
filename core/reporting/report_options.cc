#include "core/reporting/report_options.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo {

bool ReportOptions::is_report_address(const mail::Address& address) const {
    return std::ranges::any_of(
        addresses, [&](const mail::Address& one) { return equals_ignoring_case(one.text(), address.text()); });
}

}  // namespace relevo

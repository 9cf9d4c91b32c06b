#include "core/reporting/report_kind.h"

namespace relevo {

std::string_view name_of(ReportKind kind) { return kind == ReportKind::tls ? "tls" : "dmarc"; }

}  // namespace relevo

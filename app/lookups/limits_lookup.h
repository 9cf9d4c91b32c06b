// `relevo config explain`: what limits the mail to a domain, value by value, and which line says so.
#pragma once

#include "app/lookups/dns_source.h"
#include "app/lookups/report.h"

namespace relevo::lookups {

// Errors: invalid – the subject is no domain, or the operator's file has mistakes (detail names them all). io.
[[nodiscard]] Result<Report> report_on_limits(const cli::LookupOptions& options, DnsSource& source);

}  // namespace relevo::lookups

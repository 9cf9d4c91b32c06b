// What domains publish about their mail: SPF, DMARC, MTA-STS, DANE. Each function is one command.
#pragma once

#include "app/lookups/dns_source.h"
#include "app/lookups/report.h"

#include <chrono>

namespace relevo::lookups {

// `relevo spf check`. Errors: invalid – the subject or --from is no domain or address.
[[nodiscard]] Result<Report> report_on_spf(const cli::LookupOptions& options, DnsSource& source,
                                           std::chrono::system_clock::time_point now);
// `relevo dmarc check DOMAIN`. Errors: as above.
[[nodiscard]] Result<Report> report_on_dmarc(const cli::LookupOptions& options, DnsSource& source);
// `relevo mtasts lookup`; the policy only if the source is live. Errors: as above.
[[nodiscard]] Result<Report> report_on_mta_sts(const cli::LookupOptions& options, DnsSource& source);
// `relevo dane lookup`; the server's certificate only if the source is live. Errors: as above.
[[nodiscard]] Result<Report> report_on_dane(const cli::LookupOptions& options, DnsSource& source);

// A domain as a person writes it, in A-labels and lower case. Errors: invalid – detail says what to write.
[[nodiscard]] Result<std::string> domain_from(std::string_view text);

}  // namespace relevo::lookups

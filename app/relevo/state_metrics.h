// Metrics of what stands on the disk, put together when they are asked for.
#pragma once

#include "adapters/net/certificate.h"
#include "core/spool/spool.h"
#include "lib/base/octets.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

struct StateNumbers {
    std::optional<Spool::Numbers> queue;  // nothing: the store did not answer
    std::size_t suspended_tenants = 0;
    std::optional<Octets> disk_available;  // of the store's disk; nothing: it did not answer
    Octets disk_reserve = 0;
    std::size_t damaged_pages = 0;                      // of the store's databases, met since the start
    std::vector<net::CertificateSummary> certificates;  // in force
    std::uint64_t warnings = 0, errors = 0;             // lines of the log
};

// In the exposition format of Prometheus, 0.0.4. What could not be found out is left out: alerts tell of that.
[[nodiscard]] std::string state_metrics(const StateNumbers& numbers, WallClock::time_point now);

}  // namespace relevo

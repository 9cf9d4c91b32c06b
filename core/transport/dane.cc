#include "core/transport/dane.h"

#include <fmt/format.h>

namespace relevo {
namespace {

constexpr std::size_t record_limit = 64;  // of a server; what is beyond is not looked at

TransportDemand demand_of(const std::vector<std::string>& records) {
    TransportDemand demand{.level = TlsDemand::encrypted, .origin = std::string(dane_origin), .tlsa = {}, .names = {}};
    for (const std::string& rdata : records) {
        if (demand.tlsa.size() >= record_limit) break;
        auto record = tlspolicy::parse_tlsa(rdata);
        if (record.has_value() && tlspolicy::problem_of(*record).empty()) demand.tlsa.push_back(*std::move(record));
    }
    if (!demand.tlsa.empty()) demand.level = TlsDemand::dane;
    return demand;
}

}  // namespace

Task<Result<std::optional<TransportDemand>>> find_dane(Resolver& resolver, DaneHost host, Deadline deadline) {
    // §2.2.2: where an alias led first, then the name itself.
    std::vector<std::string> bases;
    if (!host.canonical_name.empty() && host.canonical_name != host.name) bases.push_back(host.canonical_name);
    bases.push_back(host.name);
    for (const std::string& base : bases) {
        RELEVO_CO_TRY(const dns::Answer answer, co_await resolver.query(fmt::format("_{}._tcp.{}", host.port, base),
                                                                        dns::RecordType::tlsa, deadline));
        if (answer.security != dns::Security::secure || answer.data.empty()) continue;
        TransportDemand demand = demand_of(answer.data);
        // §3.2.2: the names that a certificate below a trust anchor may be for.
        demand.names = bases;
        if (!host.destination.empty()) demand.names.push_back(host.destination);
        co_return std::optional(std::move(demand));
    }
    co_return std::nullopt;
}

}  // namespace relevo

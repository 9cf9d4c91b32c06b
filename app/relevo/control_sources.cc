// Where mail leaves from.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"

#include <boost/json/array.hpp>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;

json::object json_of(const dns::IpAddress& address, const Result<setup::AddressNames>* names) {
    json::object told{{"address", address.text()}};
    if (names == nullptr) return told;
    if (!names->has_value()) {
        told["status"] = "unknown";
        told["problem"] = names->error().detail;
        return told;
    }
    told["status"] = !(*names)->confirmed.empty() ? "confirmed" : (*names)->names.empty() ? "no name" : "unconfirmed";
    told["names"] = json_list((*names)->names);
    told["confirmed"] = json_list((*names)->confirmed);
    return told;
}

json::array pools_with(const EgressSource& source, const EgressTable& table) {
    json::array told;
    for (const EgressPool& pool : table.pools()) {
        double total = 0;
        std::uint32_t weight = 0;
        for (const EgressMember& member : pool.members) {
            if (!member.source->drained) total += member.weight;
            if (member.source.get() == &source) weight = member.weight;
        }
        if (weight == 0) continue;
        told.emplace_back(json::object{{"name", pool.name},
                                       {"weight", weight},
                                       {"share", source.drained ? 0.0 : static_cast<double>(weight) / total}});
    }
    return told;
}

json::value json_of(const std::optional<EgressProxy>& proxy) {
    if (!proxy) return nullptr;
    return json::object{{"protocol", name_of(proxy->protocol)}, {"address", proxy->endpoint.text()}};
}

}  // namespace

Task<Control::Answer> Control::list_sources(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"look"}));
    RELEVO_CO_TRY(const auto look, flag_member(arguments, "look"));
    const bool looks = look.value_or(true);
    if (looks && context_.inspection == nullptr) co_return failure(ErrorKind::unsupported, "this process asks no DNS");
    const std::shared_ptr<const EgressTable> table = context_.egress();
    std::vector<dns::IpAddress> addresses;
    for (const auto& source : table->sources())
        std::ranges::copy(source->seen_addresses(), std::back_inserter(addresses));
    std::vector<Result<setup::AddressNames>> names;
    if (looks) names = co_await context_.inspection->names_of(addresses);
    std::size_t next = 0;
    json::array sources;
    for (const auto& source : table->sources()) {
        json::array seen;
        for (const dns::IpAddress& address : source->seen_addresses()) {
            seen.emplace_back(json_of(address, looks ? &names[next] : nullptr));
            ++next;
        }
        sources.emplace_back(json::object{{"name", source->name},
                                          {"state", source->drained ? "drained" : "active"},
                                          {"ehlo_name", source->client_name},
                                          {"ipv4", source->ipv4.has_value()},
                                          {"ipv6", source->ipv6.has_value()},
                                          {"addresses", std::move(seen)},
                                          {"proxy", json_of(source->proxy)},
                                          {"pools", pools_with(*source, *table)}});
    }
    co_return json::object{{"sources", std::move(sources)}, {"fallback_pool", table->fallback().name}};
}

}  // namespace relevo

#include "core/routing/egress.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <tuple>

namespace relevo {
namespace {

bool is_unspecified(const dns::IpAddress& address) {
    return std::ranges::all_of(address.octets(), [](std::uint8_t octet) { return octet == 0; });
}

// FNV-1a, then the finalizer of splitmix64. Not std::hash: the choice must outlive this process and this build.
std::uint64_t hash_of(std::string_view name, MessageId message) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash ^= static_cast<std::uint64_t>(message.value) * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebULL;
    return hash ^ (hash >> 31U);
}

// An exponential variable of rate `weight`: the least of several is each with a chance in proportion to its rate.
double arrival_of(const EgressMember& member, MessageId message) {
    const double uniform = (static_cast<double>(hash_of(member.source->name, message) >> 11U) + 0.5) * 0x1p-53;
    return -std::log(uniform) / static_cast<double>(member.weight);
}

template <class T, class Value>
bool names(const std::vector<T>& list, const Value& value) {
    return std::ranges::find(list, value) != list.end();
}

// Greater is more exact; nothing if a selector does not fit.
using Exactness = std::tuple<bool, bool, std::size_t, bool>;
std::optional<Exactness> exactness(const EgressPool& pool, const EgressRequest& request) {
    if (!pool.has_selectors()) return std::nullopt;
    if (!pool.tenants.empty() && !names(pool.tenants, request.tenant)) return std::nullopt;
    if (!pool.routes.empty() && !names(pool.routes, request.route.name)) return std::nullopt;
    if (!pool.streams.empty() && !names(pool.streams, request.stream)) return std::nullopt;
    std::size_t domain = 0;
    for (const std::string& pattern : pool.domains) domain = std::max(domain, domain_fit(pattern, request.domain));
    if (!pool.domains.empty() && domain == 0) return std::nullopt;
    return Exactness{!pool.tenants.empty(), !pool.routes.empty(), domain, !pool.streams.empty()};
}

}  // namespace

std::vector<dns::IpAddress> EgressSource::seen_addresses() const {
    if (!public_addresses.empty()) return public_addresses;
    std::vector<dns::IpAddress> seen;
    for (const auto& address : {ipv4, ipv6})
        if (address && !is_unspecified(*address)) seen.push_back(*address);
    return seen;
}

DialOptions dial_options(const EgressSource& source, Endpoint target, Deadline deadline) {
    DialOptions options{.target = target, .deadline = deadline, .proxy = source.proxy};
    const auto& local = target.address.is_v4() ? source.ipv4 : source.ipv6;
    if (local && !is_unspecified(*local)) {
        options.source = *local;
        options.has_source = true;
    }
    return options;
}

namespace {

bool may_ask_for(const EgressPool& pool, TenantId tenant) {
    return pool.on_request && (pool.tenants.empty() || names(pool.tenants, tenant));
}

}  // namespace

EgressTable::EgressTable(std::vector<std::shared_ptr<const EgressSource>> sources, std::vector<EgressPool> pools,
                         std::string_view fallback)
    : sources_(std::move(sources)), pools_(std::move(pools)) {
    const auto named = std::ranges::find(pools_, fallback, &EgressPool::name);
    assert(named != pools_.end());
    fallback_ = static_cast<std::size_t>(named - pools_.begin());
}

EgressTable EgressTable::of_one(EgressSource source) {
    source.name = "default";
    auto shared = std::make_shared<const EgressSource>(std::move(source));
    EgressPool pool;
    pool.name = "default";
    pool.members.push_back({.source = shared});
    return {{shared}, {std::move(pool)}, "default"};
}

const EgressPool& EgressTable::pool_for(const EgressRequest& request) const {
    if (const EgressPool* of_route = find_pool(request.route.pool); of_route != nullptr) return *of_route;
    if (const EgressPool* wanted = find_pool(request.wanted); wanted != nullptr && may_ask_for(*wanted, request.tenant))
        return *wanted;
    const EgressPool* best = &fallback();
    std::optional<Exactness> best_exactness;
    for (const EgressPool& pool : pools_) {
        const auto found = exactness(pool, request);
        if (!found || (best_exactness && *found <= *best_exactness)) continue;
        best = &pool;
        best_exactness = found;
    }
    return *best;
}

std::vector<std::string> EgressTable::pools_on_request(TenantId tenant) const {
    std::vector<std::string> found;
    for (const EgressPool& pool : pools_)
        if (may_ask_for(pool, tenant)) found.push_back(pool.name);
    return found;
}

const EgressPool* EgressTable::find_pool(std::string_view name) const {
    const auto found = std::ranges::find(pools_, name, &EgressPool::name);
    return found == pools_.end() ? nullptr : &*found;
}

const EgressSource* EgressTable::find_source(std::string_view name) const {
    const auto found = std::ranges::find_if(sources_, [&](const auto& source) { return source->name == name; });
    return found == sources_.end() ? nullptr : found->get();
}

std::shared_ptr<const EgressSource> choose_source(const EgressPool& pool, MessageId message,
                                                  const std::function<bool(const EgressSource&)>& usable) {
    const EgressMember* first = nullptr;
    double earliest = 0;
    for (const EgressMember& member : pool.members) {
        if (member.source->drained || (usable && !usable(*member.source))) continue;
        const double arrival = arrival_of(member, message);
        if (first != nullptr && arrival >= earliest) continue;
        first = &member;
        earliest = arrival;
    }
    return first == nullptr ? nullptr : first->source;
}

}  // namespace relevo

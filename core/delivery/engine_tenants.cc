// What limits one tenant's mail beside what limits everybody's: the shaping rules for tenants, and its conduct.
#include "core/delivery/engine.h"

#include <algorithm>

namespace relevo {
namespace {

// Above this many, those that remember nothing are forgotten.
constexpr std::size_t kept_throttles = 10'000;

Deadline deadline_of(shaping::Time time, shaping::Time now) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::max(time - now, shaping::Time::duration(0)));
}

// Above what the rules say; a minute's share goes in it bit by bit.
void slow_down(std::optional<shaping::Limits>& limits, std::uint32_t per_minute) {
    if (!limits) limits.emplace();
    if (!limits->message_rate) limits->message_rate.emplace();
    std::uint32_t& known = limits->message_rate->per_minute;
    known = known == 0 ? per_minute : std::min(known, per_minute);
}

}  // namespace

// Null: no rule is for this tenant's mail to this site. Over all sources, as docs/formats/shaping.md says.
shaping::Throttle* DeliveryEngine::throttle_of(const Site& site, TenantId tenant) {
    const auto table = ports_.dispatcher.shaping();
    const std::uint32_t slow_rate = ports_.slow_rate_of ? ports_.slow_rate_of(tenant) : 0;
    if ((!table->has_tenant_rules() && slow_rate == 0) || !ports_.tenant_name) return nullptr;
    auto& known = tenant_throttles_[{tenant, site.shaping_key}];
    if (known.generation == table_generation_) return known.throttle.get();
    known.generation = table_generation_;
    auto limits = table->tenant_limits({.domain = site.domain,
                                        .site = site.key(),
                                        .provider = site.provider,
                                        .source = {},
                                        .pool = {},
                                        .tenant = ports_.tenant_name(tenant)});
    if (slow_rate > 0) slow_down(limits, slow_rate);
    if (!limits) {
        known.throttle.reset();
        return nullptr;
    }
    // What servers answer is about the source and its throttle learns from it.
    limits->adaptive = false;
    auto shared = std::make_shared<const shaping::Limits>(*std::move(limits));
    if (known.throttle)
        known.throttle->set_limits(std::move(shared));
    else
        known.throttle = std::make_shared<shaping::Throttle>(std::move(shared));
    return known.throttle.get();
}

void DeliveryEngine::forget_tenant_throttles() {
    if (tenant_throttles_.size() <= kept_throttles) return;
    const auto now = WallClock::now();
    std::erase_if(tenant_throttles_,
                  [&](const auto& item) { return !item.second.throttle || item.second.throttle->is_idle(now); });
}

// How many recipients of it may go in one transaction, from 0 on. If none may, somebody looks at the lane again.
std::size_t DeliveryEngine::room_for(Lane& lane, const ReadyEntry& ready) {
    const std::size_t most = recipients_per_transaction(lane);
    shaping::Throttle* throttle = throttle_of(lane.site(), queue_.flow(ready.entry.flow).tenant);
    if (throttle == nullptr) return most;
    const auto now = WallClock::now();
    const shaping::Permission permission = throttle->may_send(now);
    if (permission.granted()) return std::min<std::size_t>(most, permission.recipients);
    if (permission.until != shaping::never) look_again(lane, deadline_of(permission.until, now));
    return 0;
}

std::optional<Hindered> DeliveryEngine::hindrance_of(const Site& site, TenantId tenant) {
    shaping::Throttle* throttle = throttle_of(site, tenant);
    if (throttle == nullptr) return std::nullopt;
    const shaping::Permission permission = throttle->may_send(WallClock::now());
    if (permission.granted()) return std::nullopt;
    return Hindered{.by = site.provider.empty() ? site.key() : site.provider,
                    .source = ports_.tenant_name(tenant),
                    .permission = permission};
}

void DeliveryEngine::sent_of_tenant(Lane& lane, const Lease& lease) {
    if (shaping::Throttle* throttle = throttle_of(lane.site(), queue_.flow(lease.flow).tenant))
        throttle->sent(WallClock::now(), static_cast<std::uint32_t>(lease.ordinals.size()));
}

}  // namespace relevo

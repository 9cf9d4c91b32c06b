#include "core/delivery/engine.h"

#include <algorithm>
#include <mutex>

namespace relevo {
namespace {

// More than this many destinations away from where their names hash to: they are looked for anew when they come back.
constexpr std::size_t remembered_homes = 100'000;

}  // namespace

std::pair<std::string, std::shared_ptr<const Route>> Dispatcher::destination_of(std::string_view recipient_domain,
                                                                                const MailFlow& flow) const {
    const std::shared_ptr<const RouteTable> routes = routes_.load();
    const Route& route = routes->find(recipient_domain, flow.tenant);
    const mail::TlsWish wish = mail::wish_for(tls_of_ ? tls_of_(flow.tenant) : mail::TlsWish::usual, flow.tls_optional);
    // The destination keeps the whole table alive through its route.
    return {destination_key(route, recipient_domain, wish), std::shared_ptr<const Route>(routes, &route)};
}

void Dispatcher::suspend(const std::string& destination, bool suspended) {
    Names names = *suspended_.load();
    if (suspended)
        names.insert(destination);
    else
        names.erase(destination);
    suspended_.store(std::make_shared<const Names>(std::move(names)));
    for (const mail::TlsWish wish : mail::tls_wishes) {
        const std::string key = with_wish(destination, wish);
        DeliveryEngine& engine = engine_of(key);
        engine.shard().post([&engine, key, suspended] { engine.suspend(key, suspended); });
    }
}

bool Dispatcher::is_suspended(std::string_view usual_destination) const {
    return suspended_.load()->contains(usual_destination);
}

DeliveryEngine& Dispatcher::engine_of(std::string_view destination) const {
    if (engines_.size() > 1) {
        const std::shared_lock lock(homes_mutex_);
        const auto home = homes_.find(destination);
        if (home != homes_.end()) return *home->second;
    }
    return *engines_[place_of(destination)];
}

DeliveryEngine& Dispatcher::engine_of_site(std::string_view shaping_key) const {
    return *engines_[place_of(shaping_key)];
}

void Dispatcher::set_egress(std::shared_ptr<const EgressTable> egress,
                            std::shared_ptr<const shaping::ShapingTable> shaping) {
    egress_.store(std::move(egress));
    shaping_.store(std::move(shaping));
    for (DeliveryEngine* engine : engines_) engine->refresh();
}

void Dispatcher::set_suspended_sites(std::set<std::string> suspended) {
    suspended_sites_.store(std::make_shared<const std::set<std::string>>(std::move(suspended)));
    for (DeliveryEngine* engine : engines_) engine->refresh_suspensions();
}

bool Dispatcher::is_suspended(std::string_view site, std::string_view provider) const {
    const auto suspended = suspended_sites_.load();
    if (suspended->empty()) return false;
    return suspended->contains("site:" + std::string(site)) ||
           (!provider.empty() && suspended->contains("provider:" + std::string(provider)));
}

void Dispatcher::set_home(const std::string& destination, DeliveryEngine& engine) {
    const std::unique_lock lock(homes_mutex_);
    if (engines_[place_of(destination)] == &engine)
        homes_.erase(destination);
    else
        homes_[destination] = &engine;
}

void Dispatcher::forget_home(const std::string& destination) {
    const std::unique_lock lock(homes_mutex_);
    if (homes_.size() > remembered_homes) homes_.erase(destination);
}

void Dispatcher::enqueue(std::shared_ptr<const Message> message) {
    std::vector<QueuedRecipients> groups;
    const auto due = message->due_at;
    // What waits for long leaves the memory to others.
    const bool goes_now = due <= message->accepted_at;
    const MailFlow flow{message->tenant, message->stream, message->pool, message->envelope.tls_optional};
    for (std::size_t i = 0; i < message->ordinals.size(); ++i) {
        auto [destination, route] = destination_of(message->envelope.recipients[i].address.domain(), flow);
        auto group = std::ranges::find(groups, destination, &QueuedRecipients::destination);
        if (group == groups.end())
            group = groups.insert(groups.end(), {.destination = std::move(destination),
                                                 .route = std::move(route),
                                                 .flow = flow,
                                                 .message = message->id,
                                                 .ordinals = {},
                                                 .due = due,
                                                 .fresh = goes_now ? message : nullptr});
        group->ordinals.push_back(message->ordinals[i]);
    }
    for (QueuedRecipients& group : groups) engine_of(group.destination).enqueue(std::move(group));
}

QueuedRecipients Dispatcher::queued(const WaitingRecipient& recipient) const {
    auto [destination, route] = destination_of(recipient.domain, recipient.flow);
    return {.destination = std::move(destination),
            .route = std::move(route),
            .flow = recipient.flow,
            .message = recipient.id.message,
            .ordinals = {recipient.id.ordinal},
            .attempts = recipient.attempts,
            .delay_reported = recipient.delay_reported,
            .due = recipient.due,
            .fresh = nullptr};
}

void Dispatcher::enqueue(const WaitingRecipient& recipient) {
    QueuedRecipients one = queued(recipient);
    engine_of(one.destination).enqueue(std::move(one));
}

}  // namespace relevo

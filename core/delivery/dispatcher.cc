#include "core/delivery/engine.h"

namespace relevo {

std::pair<std::string, std::shared_ptr<const Route>> Dispatcher::site_of(std::string_view recipient_domain,
                                                                         TenantId tenant) const {
    const std::shared_ptr<const RouteTable> routes = routes_.load();
    const Route& route = routes->find(recipient_domain, tenant);
    // The site keeps the whole table alive through its route.
    return {site_key(route, recipient_domain), std::shared_ptr<const Route>(routes, &route)};
}

DeliveryEngine& Dispatcher::engine_of(std::string_view site) const {
    return *engines_[std::hash<std::string_view>{}(site) % engines_.size()];
}

void Dispatcher::enqueue(std::shared_ptr<const Message> message) {
    std::vector<QueuedRecipients> groups;
    const auto due = message->accepted_at;
    for (std::size_t i = 0; i < message->ordinals.size(); ++i) {
        auto [site, route] = site_of(message->envelope.recipients[i].address.domain(), message->tenant);
        auto group = std::ranges::find(groups, site, &QueuedRecipients::site);
        if (group == groups.end())
            group = groups.insert(groups.end(), {.site = std::move(site),
                                                 .route = std::move(route),
                                                 .message = message->id,
                                                 .ordinals = {},
                                                 .due = due,
                                                 .fresh = message});
        group->ordinals.push_back(message->ordinals[i]);
    }
    for (QueuedRecipients& group : groups) engine_of(group.site).enqueue(std::move(group));
}

QueuedRecipients Dispatcher::queued(const WaitingRecipient& recipient) const {
    auto [site, route] = site_of(recipient.domain, recipient.tenant);
    return {.site = std::move(site),
            .route = std::move(route),
            .message = recipient.id.message,
            .ordinals = {recipient.id.ordinal},
            .attempts = recipient.attempts,
            .delay_reported = recipient.delay_reported,
            .due = recipient.due,
            .fresh = nullptr};
}

void Dispatcher::enqueue(const WaitingRecipient& recipient) {
    QueuedRecipients one = queued(recipient);
    engine_of(one.site).enqueue(std::move(one));
}

}  // namespace relevo

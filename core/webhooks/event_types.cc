#include "core/webhooks/event_types.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>
#include <limits>

namespace relevo {
namespace {

struct NamedType {
    WebhookEventType type;
    std::string_view name;
};
constexpr auto types = std::to_array<NamedType>({
    {WebhookEventType::accepted, "message.accepted"},
    {WebhookEventType::deferred, "message.deferred"},
    {WebhookEventType::delivered, "message.delivered"},
    {WebhookEventType::bounced, "message.bounced"},
    {WebhookEventType::complained, "message.complained"},
    {WebhookEventType::opened, "message.opened"},
    {WebhookEventType::clicked, "message.clicked"},
    {WebhookEventType::held, "message.held"},
    {WebhookEventType::released, "message.released"},
    {WebhookEventType::expired, "message.expired"},
    {WebhookEventType::dropped, "message.dropped"},
    {WebhookEventType::suppressed, "message.suppressed"},
    {WebhookEventType::unsubscribed, "message.unsubscribed"},
    {WebhookEventType::auto_reply, "message.auto_reply"},
    {WebhookEventType::domain_status_changed, "domain.status_changed"},
    {WebhookEventType::source_drained, "source.drained"},
    {WebhookEventType::source_resumed, "source.resumed"},
    {WebhookEventType::source_listed, "source.listed"},
    {WebhookEventType::source_delisted, "source.delisted"},
    {WebhookEventType::source_warm_up_step, "source.warm_up_step"},
    {WebhookEventType::tenant_warned, "tenant.warned"},
    {WebhookEventType::tenant_slowed, "tenant.slowed"},
    {WebhookEventType::tenant_held, "tenant.held"},
    {WebhookEventType::tenant_released, "tenant.released"},
    {WebhookEventType::certificate_issued, "certificate.issued"},
    {WebhookEventType::certificate_renewed, "certificate.renewed"},
    {WebhookEventType::certificate_failed, "certificate.failed"},
    {WebhookEventType::certificate_expiring, "certificate.expiring"},
    {WebhookEventType::suppression_created, "suppression.created"},
    {WebhookEventType::suppression_deleted, "suppression.deleted"},
    {WebhookEventType::quota_reached, "quota.reached"},
});

}  // namespace

std::string_view name_of(WebhookEventType type) {
    const auto found = std::ranges::find(types, type, &NamedType::type);
    return found == types.end() ? "webhook.test" : found->name;
}

std::optional<WebhookEventType> webhook_type_of(EventKind kind) {
    switch (kind) {
        case EventKind::accepted: return WebhookEventType::accepted;
        case EventKind::deferred: return WebhookEventType::deferred;
        case EventKind::delivered: return WebhookEventType::delivered;
        case EventKind::failed:
        case EventKind::bounced: return WebhookEventType::bounced;
        case EventKind::expired: return WebhookEventType::expired;
        case EventKind::held: return WebhookEventType::held;
        case EventKind::released: return WebhookEventType::released;
        case EventKind::dropped: return WebhookEventType::dropped;
        case EventKind::suppressed: return WebhookEventType::suppressed;
        case EventKind::complained: return WebhookEventType::complained;
        case EventKind::auto_reply: return WebhookEventType::auto_reply;
        case EventKind::unsubscribed: return WebhookEventType::unsubscribed;
        case EventKind::opened: return WebhookEventType::opened;
        case EventKind::clicked: return WebhookEventType::clicked;
        default: break;
    }
    // What is of no message has one name; what has none of these is not told.
    const auto found = std::ranges::find(types, name_of(kind), &NamedType::name);
    return found == types.end() ? std::nullopt : std::optional(found->type);
}

WebhookEventSet WebhookEventSet::all() { return from_bits(std::numeric_limits<std::int64_t>::max()); }

Result<WebhookEventSet> WebhookEventSet::parse(const std::vector<std::string>& names) {
    if (names.empty()) return all();
    WebhookEventSet set;
    for (const std::string& name : names) {
        const auto found = std::ranges::find(types, name, &NamedType::name);
        if (found == types.end()) {
            std::string known;
            for (const NamedType& type : types) known += (known.empty() ? "" : ", ") + std::string(type.name);
            return failure(ErrorKind::invalid,
                           "there is no event type \"" + printable(name, 40) + "\"; there are " + known);
        }
        set.bits_ |= std::int64_t{1} << static_cast<unsigned>(found->type);
    }
    return set;
}

std::vector<std::string> WebhookEventSet::names() const {
    std::vector<std::string> found;
    for (const NamedType& type : types)
        if (contains(type.type)) found.emplace_back(type.name);
    return found;
}

}  // namespace relevo

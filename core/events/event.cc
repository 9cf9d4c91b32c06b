#include "core/events/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

Event event_of(const Row& row, MessageId message) {
    return {.id = EventId{row.integer(0)},
            .at = time_of_milliseconds(row.integer(1)),
            .kind = static_cast<EventKind>(row.integer(2)),
            .message = message,
            .ordinal = row.integer(3),
            .tenant = TenantId{row.integer(4)},
            .detail = std::string(row.text(5))};
}

struct NamedKind {
    EventKind kind;
    std::string_view name;
    EventTopic topic = EventTopic::message;
};
// In the order of the numbers.
constexpr auto kinds = std::to_array<NamedKind>({
    {EventKind::accepted, "accepted"},
    {EventKind::deferred, "deferred"},
    {EventKind::delivered, "delivered"},
    {EventKind::failed, "failed"},
    {EventKind::expired, "expired"},
    {EventKind::held, "held"},
    {EventKind::released, "released"},
    {EventKind::dropped, "dropped"},
    {EventKind::reported, "reported"},
    {EventKind::suppressed, "suppressed"},
    {EventKind::bounced, "bounced"},
    {EventKind::complained, "complained"},
    {EventKind::auto_reply, "auto_reply"},
    {EventKind::unsubscribed, "unsubscribed"},
    {EventKind::notified, "notified"},
    {EventKind::opened, "opened"},
    {EventKind::clicked, "clicked"},
    {EventKind::domain_status_changed, "domain.status_changed", EventTopic::domain},
    {EventKind::source_drained, "source.drained", EventTopic::source},
    {EventKind::source_resumed, "source.resumed", EventTopic::source},
    {EventKind::source_listed, "source.listed", EventTopic::source},
    {EventKind::source_delisted, "source.delisted", EventTopic::source},
    {EventKind::source_warm_up_step, "source.warm_up_step", EventTopic::source},
    {EventKind::tenant_warned, "tenant.warned", EventTopic::tenant},
    {EventKind::tenant_slowed, "tenant.slowed", EventTopic::tenant},
    {EventKind::tenant_held, "tenant.held", EventTopic::tenant},
    {EventKind::tenant_released, "tenant.released", EventTopic::tenant},
    {EventKind::certificate_issued, "certificate.issued", EventTopic::certificate},
    {EventKind::certificate_renewed, "certificate.renewed", EventTopic::certificate},
    {EventKind::certificate_failed, "certificate.failed", EventTopic::certificate},
    {EventKind::certificate_expiring, "certificate.expiring", EventTopic::certificate},
    {EventKind::suppression_created, "suppression.created", EventTopic::suppression},
    {EventKind::suppression_deleted, "suppression.deleted", EventTopic::suppression},
    {EventKind::quota_reached, "quota.reached", EventTopic::quota},
});

// By EventTopic.
constexpr auto topics =
    std::to_array<std::string_view>({"message", "domain", "source", "tenant", "certificate", "suppression", "quota"});

}  // namespace

std::string_view name_of(EventKind kind) {
    const auto found = std::ranges::find(kinds, kind, &NamedKind::kind);
    return found == kinds.end() ? "unknown" : found->name;
}

std::optional<EventKind> event_kind_named(std::string_view name) {
    const auto found = std::ranges::find(kinds, name, &NamedKind::name);
    return found == kinds.end() ? std::nullopt : std::optional(found->kind);
}

std::span<const EventKind> all_event_kinds() {
    static constexpr auto all = [] {
        std::array<EventKind, kinds.size()> found{};
        std::ranges::transform(kinds, found.begin(), &NamedKind::kind);
        return found;
    }();
    return all;
}

std::string_view name_of(EventTopic topic) { return topics[static_cast<std::size_t>(topic)]; }

std::optional<EventTopic> event_topic_named(std::string_view name) {
    const auto found = std::ranges::find(topics, name);
    if (found == topics.end()) return std::nullopt;
    return static_cast<EventTopic>(found - topics.begin());
}

EventTopic topic_of(EventKind kind) {
    const auto found = std::ranges::find(kinds, kind, &NamedKind::kind);
    return found == kinds.end() ? EventTopic::message : found->topic;
}

bool is_of_the_operator(EventKind kind) {
    const EventTopic topic = topic_of(kind);
    return topic == EventTopic::source || topic == EventTopic::certificate;
}

std::string subject_text(EventTopic topic, std::string_view name) { return fmt::format("{}:{}", name_of(topic), name); }

Event occasion(EventKind kind, std::string_view name, TenantId tenant, std::chrono::system_clock::time_point at,
               JsonWriter detail) {
    std::string subject = subject_text(topic_of(kind), name);
    detail.field("subject", subject);
    return {.id = {},
            .at = at,
            .kind = kind,
            .message = {},
            .ordinal = whole_message,
            .tenant = tenant,
            .detail = detail.finish(),
            .subject = std::move(subject)};
}

Result<void> EventWriter::recover(Reader& reader) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "event", 0));
    // Near midnight the newest id may lie in the table of the day before, as an event has the day of its time.
    for (const std::int64_t day : days)
        RELEVO_CHECK(reader.query(newest_.of(day), {}, [&](const Row& row) -> Result<void> {
            if (!row.is_null(0)) last_id_ = std::max(last_id_, row.integer(0));
            return {};
        }));
    // The tables may be gone, of a server that had no mail for long: no consumer must find ids again that it has had.
    return reader.query("SELECT max(event_id) FROM event_cursor", {}, [&](const Row& row) -> Result<void> {
        if (!row.is_null(0)) last_id_ = std::max(last_id_, row.integer(0));
        return {};
    });
}

Result<void> EventWriter::append(Transaction& transaction, const Event& event) {
    const std::int64_t day = day_of(event.at);
    const std::int64_t id = ++last_id_;
    RELEVO_CHECK(tables_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(
            insert_.of(day), {id, milliseconds_of(event.at), static_cast<std::int64_t>(event.kind), event.message.value,
                              event.ordinal, event.tenant.value, std::string_view(event.detail)}));
        return {};
    }));
    if (event.subject.empty()) return {};
    return subject_tables_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(insert_subject_.of(day), {std::string_view(event.subject), id}));
        return {};
    });
}

Result<std::vector<Event>> EventReader::of_message(Reader& reader, MessageId message, std::int64_t first_day,
                                                   std::size_t limit) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "event", first_day));
    std::vector<Event> events;
    for (const std::int64_t day : days) {
        const auto room = static_cast<std::int64_t>(limit - events.size());
        RELEVO_CHECK(reader.query(select_.of(day), {message.value, room}, [&](const Row& row) -> Result<void> {
            events.push_back(event_of(row, message));
            return {};
        }));
        if (events.size() >= limit) break;
    }
    return events;
}

Result<std::optional<Event>> EventReader::latest(Reader& reader, MessageId message, EventKind kind,
                                                 std::int64_t first_day) {
    RELEVO_TRY(std::vector<std::int64_t> days, history_days(reader, "event", first_day));
    std::ranges::reverse(days);
    std::optional<Event> found;
    for (const std::int64_t day : days) {
        RELEVO_CHECK(reader.query(select_latest_.of(day), {message.value, static_cast<std::int64_t>(kind)},
                                  [&](const Row& row) -> Result<void> {
                                      found = event_of(row, message);
                                      return {};
                                  }));
        if (found) break;
    }
    return found;
}

Result<std::optional<Event>> EventWriter::latest_about(Reader& reader, const std::string& subject,
                                                       std::initializer_list<EventKind> wanted) {
    RELEVO_TRY(std::vector<std::int64_t> days, history_days(reader, "event_subject", 0));
    std::ranges::reverse(days);
    std::optional<Event> found;
    for (const std::int64_t day : days) {
        RELEVO_CHECK(
            reader.query(select_about_.of(day), {std::string_view(subject)}, [&](const Row& row) -> Result<void> {
                const auto kind = static_cast<EventKind>(row.integer(2));
                if (!found && std::ranges::find(wanted, kind) != wanted.end())
                    found = event_of(row, MessageId{row.integer(6)});
                return {};
            }));
        if (found) break;
    }
    return found;
}

}  // namespace relevo

#include "core/events/event_list.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace relevo {
namespace {

// Events of other topics than messages are read by the index of messages: they are of message 0. That a suppression
// followed from a message is told by both.
bool is_never_of_a_message(EventTopic topic) {
    return topic != EventTopic::message && topic != EventTopic::suppression;
}

bool fits(const Event& event, const EventQuery& query) {
    if (query.tenant && (event.tenant != *query.tenant || is_of_the_operator(event.kind))) return false;
    return (!query.topic || topic_of(event.kind) == *query.topic) && (!query.kind || event.kind == *query.kind);
}

}  // namespace

struct EventList::Scan {
    const EventQuery& query;
    std::optional<MessageId> message;  // by whose index it reads
    std::size_t limit;
    std::int64_t looked_at = 0;
    Page page{};
    EventPlace last{};  // of the last event that was looked at

    [[nodiscard]] bool is_done() const { return page.events.size() >= limit || looked_at >= looked_at_limit; }
};

std::string EventPlace::text() const { return fmt::format("{}.{}", day, id); }

Result<EventPlace> EventPlace::parse(std::string_view text) {
    const auto dot = text.find('.');
    const auto day = parse_decimal<std::int64_t>(text.substr(0, dot));
    const auto id = dot == std::string_view::npos ? std::nullopt : parse_decimal<std::int64_t>(text.substr(dot + 1));
    if (!day || !id || *id < 1)
        return failure(ErrorKind::invalid, "\"after\" is what \"next\" of the page before said");
    return EventPlace{.day = *day, .id = *id};
}

Result<void> EventList::read_day(Reader& reader, Scan& scan, std::int64_t day, std::int64_t before) {
    const auto take = [&](const Row& row) -> Result<void> {
        if (scan.is_done()) return {};
        ++scan.looked_at;
        scan.last = {.day = day, .id = row.integer(0)};
        Event event{.id = EventId{row.integer(0)},
                    .at = time_of_milliseconds(row.integer(1)),
                    .kind = static_cast<EventKind>(row.integer(2)),
                    .message = MessageId{row.integer(3)},
                    .ordinal = row.integer(4),
                    .tenant = TenantId{row.integer(5)},
                    .detail = {}};
        if (!fits(event, scan.query)) return {};
        event.detail = row.text(6);
        scan.page.events.push_back(std::move(event));
        return {};
    };
    for (std::int64_t seen = looked_at_once; seen == looked_at_once && !scan.is_done(); before = scan.last.id) {
        const std::int64_t from = scan.looked_at;
        if (!scan.query.subject.empty()) {
            RELEVO_CHECK(
                reader.query(about_.of(day), {before, looked_at_once, std::string_view(scan.query.subject)}, take));
        } else if (scan.message) {
            RELEVO_CHECK(reader.query(of_message_.of(day), {before, looked_at_once, scan.message->value}, take));
        } else {
            RELEVO_CHECK(reader.query(all_.of(day), {before, looked_at_once}, take));
        }
        seen = scan.looked_at - from;
    }
    return {};
}

Result<EventList::Page> EventList::page(Reader& reader, const EventQuery& query, const std::optional<EventPlace>& after,
                                        std::size_t limit) {
    RELEVO_TRY(const std::vector<std::int64_t> days,
               history_days(reader, query.subject.empty() ? "event" : "event_subject", 0));
    const auto topic = query.kind ? std::optional(topic_of(*query.kind)) : query.topic;
    Scan scan{.query = query, .message = query.message, .limit = limit};
    if (!scan.message && topic && is_never_of_a_message(*topic)) scan.message = MessageId{};
    for (const std::int64_t day : days | std::views::reverse) {
        if (after && day > after->day) continue;
        RELEVO_CHECK(read_day(reader, scan, day, after && day == after->day ? after->id : INT64_MAX));
        if (!scan.is_done()) continue;
        scan.page.next = scan.last;
        break;
    }
    return std::move(scan.page);
}

}  // namespace relevo

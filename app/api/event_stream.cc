#include "app/api/event_stream.h"

#include "core/events/live_events.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace relevo::api {
namespace {

namespace json = boost::json;

// Shorter than what proxies take for a dead connection; a session that ended is noticed within it, and a client that
// went away, whose place another stream may need, within two.
constexpr std::chrono::seconds heartbeat{5};
constexpr std::chrono::hours longest_life{1};  // then the client comes again, to whatever serves then

struct EventStream {
    EventStream(LiveEvents& live, Shard& shard, EventFilter filter, OpenStreams::Place taken)
        : feed(live, shard, filter), place(std::move(taken)) {}
    EventFeed feed;
    OpenStreams::Place place;
    StillMay still_may;
    Deadline ends = Clock::now() + longest_life;
    Deadline beat_due = Clock::now() + heartbeat;
    bool has_begun = false;
};

json::value subject_of(const Event& event) {
    if (topic_of(event.kind) == EventTopic::message) return nullptr;
    const auto detail = relevo::json::parse(event.detail);
    if (!detail.has_value()) return nullptr;
    return json::value(relevo::json::text_of(relevo::json::member(*detail, "subject")));
}

std::string text_of_event(const Event& event) {
    const json::object told{
        {"id", event.id.text()},
        {"kind", name_of(event.kind)},
        {"message", event.message ? json::value(event.message.text()) : json::value(nullptr)},
        {"subject", subject_of(event)},
        {"recipient", event.ordinal == whole_message ? json::value(nullptr) : json::value(event.ordinal)},
        {"tenant", event.tenant ? json::value(event.tenant.text()) : json::value(nullptr)}};
    return fmt::format("id: {}\ndata: {}\n\n", event.id.value, json::serialize(told));
}

std::string text_of_batch(const EventFeed::Batch& batch) {
    std::string text;
    for (const Event& event : batch.events) text += text_of_event(event);
    if (batch.is_gap) text += fmt::format("event: gap\nid: {}\ndata: {{}}\n\n", batch.cursor.value);
    return text;
}

Task<std::optional<std::string>> next_piece(std::shared_ptr<EventStream> stream) {
    if (!std::exchange(stream->has_begun, true)) co_return std::string("retry: 2000\n\n");
    for (;;) {
        auto batch = co_await stream->feed.next(std::min(stream->beat_due, stream->ends));
        if (!batch.has_value() || Clock::now() >= stream->ends) co_return std::nullopt;
        if (Clock::now() >= stream->beat_due) {
            if (!co_await stream->still_may()) co_return std::nullopt;
            stream->beat_due = Clock::now() + heartbeat;
            co_return text_of_batch(*batch) + ":\n\n";
        }
        if (std::string text = text_of_batch(*batch); !text.empty()) co_return text;
    }
}

}  // namespace

OpenStreams::Place OpenStreams::take(const std::string& who) {
    const std::lock_guard lock(mutex_);
    std::size_t& of_one = by_owner_[who];
    if (all_ >= streams_limit || of_one >= streams_of_one_limit) {
        if (of_one == 0) by_owner_.erase(who);
        return nullptr;
    }
    ++of_one;
    ++all_;
    return {this, [self = shared_from_this(), who](OpenStreams*) { self->give_back(who); }};
}

void OpenStreams::give_back(const std::string& who) {
    const std::lock_guard lock(mutex_);
    const auto found = by_owner_.find(who);
    if (--found->second == 0) by_owner_.erase(found);
    --all_;
}

Task<std::expected<HttpResponse, Trouble>> stream_events(Ports& ports, OpenStreams& streams, const Call& call,
                                                         StillMay still_may) {
    EventFilter filter{.tenant = call.principal.tenant, .message = {}};
    if (const auto* message = call.arguments.if_contains("message")) {
        const auto id = MessageId::parse(relevo::json::text_of(message));
        if (!id.has_value()) co_return std::unexpected(trouble(404, "not_found", "There is no such message."));
        filter.message = *id;
    }
    auto place = streams.take(fmt::format("{} {}", name_of(call.principal.kind), call.principal.id));
    if (place == nullptr) {
        Trouble told =
            trouble(429, "too_many_streams",
                    fmt::format("At most {} streams are open at once for one key or user.", streams_of_one_limit));
        told.retry_after = std::chrono::seconds(10);
        co_return std::unexpected(std::move(told));
    }
    // Shared with the handler that the server calls: std::function wants copies.
    auto stream = std::make_shared<EventStream>(ports.live, *call.request.shard, filter, std::move(place));
    stream->still_may = std::move(still_may);
    const auto last = parse_decimal<std::int64_t>(call.request.field("Last-Event-ID"));
    if (last) {
        stream->feed.begin_at(EventId{*last});
    } else if (const auto begun = co_await stream->feed.begin_now(); !begun.has_value()) {
        co_return std::unexpected(trouble_of(begun.error()));
    }
    HttpResponse response{.content_type = "text/event-stream; charset=utf-8"};
    response.fields.emplace_back("X-Accel-Buffering", "no");
    response.more = [stream] { return next_piece(stream); };
    co_return response;
}

}  // namespace relevo::api

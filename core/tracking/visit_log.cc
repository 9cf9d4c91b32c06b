#include "core/tracking/visit_log.h"

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo {
namespace {

constexpr std::size_t round_limit = 2'000;     // events in one transaction
constexpr std::size_t recent_limit = 20'000;   // messages
constexpr std::size_t recorded_limit = 1'000;  // different events of one message within the window
constexpr std::size_t clicks_limit = 256;      // of one message within a second: enough to see what does that
constexpr std::chrono::minutes head_counts{1};

EventKind event_kind(TrackedKind kind) { return kind == TrackedKind::open ? EventKind::opened : EventKind::clicked; }

std::string kept_address(const dns::IpAddress& address, KeptAddress kept) {
    if (kept == KeptAddress::none) return {};
    if (kept == KeptAddress::full) return address.text();
    std::array<std::uint8_t, 16> octets{};
    std::ranges::copy(address.octets(), octets.begin());
    if (address.is_v4()) return dns::IpAddress::v4({octets[0], octets[1], octets[2], 0}).text() + "/24";
    std::ranges::fill(octets.begin() + 6, octets.end(), std::uint8_t{0});
    return dns::IpAddress::v6(octets).text() + "/48";
}

}  // namespace

VisitLog::VisitLog(Ports ports)
    : ports_(std::move(ports)),
      repeated_(ports_.metrics.counter("relevo_tracking_repeated_total",
                                       "Opens and clicks that were the same as one shortly before")),
      dropped_(ports_.metrics.counter("relevo_tracking_dropped_total",
                                      "Opens and clicks that could not be written: too many at once, or the store "
                                      "failed")),
      forgotten_(ports_.metrics.counter("relevo_tracking_forgotten_total",
                                        "Opens and clicks of messages whose history is gone")),
      wakeup_(ports_.shard),
      finished_(ports_.shard) {
    for (const TrackedKind kind : {TrackedKind::open, TrackedKind::click})
        for (const tracking::Label label : {tracking::Label::human, tracking::Label::machine})
            events_.at(kind == TrackedKind::click).at(static_cast<std::size_t>(label)) =
                &ports_.metrics.counter("relevo_tracking_events_total", "Opens and clicks written, by who they were",
                                        {{"kind", name_of(event_kind(kind))}, {"by", name_of(label)}});
}

void VisitLog::take(TrackedVisit visit) {
    visit.agent.resize(std::min(visit.agent.size(), kept_agent_octets));
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= waiting_limit) return dropped_.add();
        waiting_.push_back(std::move(visit));
        if (std::exchange(is_working_, true)) return;
    }
    ports_.shard.spawn(work());  // on the shard's own thread it begins at once
}

Task<> VisitLog::finish() {
    is_finishing_ = true;
    wakeup_.notify_all();
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (!is_working_) co_return;
        }
        co_await finished_.wait();
    }
}

// Empty: nothing waits, and the next visit starts anew.
std::vector<TrackedVisit> VisitLog::next_round() {
    const std::lock_guard lock(mutex_);
    std::vector<TrackedVisit> round;
    if (waiting_.size() <= round_limit) {
        round = std::exchange(waiting_, {});
    } else {
        const auto end = waiting_.begin() + round_limit;
        round.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
        waiting_.erase(waiting_.begin(), end);
    }
    if (round.empty()) is_working_ = false;
    return round;
}

Task<> VisitLog::work() {
    for (;;) {
        if (!is_finishing_) co_await wakeup_.wait(Clock::now() + round_time);
        std::vector<TrackedVisit> round = next_round();
        if (round.empty()) break;
        co_await write(std::move(round));
    }
    finished_.notify_all();
}

Task<> VisitLog::write(std::vector<TrackedVisit> round) {
    const auto options = ports_.options();
    forget_old(round.front().at, options->repeat_window);
    if (const auto known = co_await look_up(round); !known.has_value()) {
        dropped_.add(round.size());
        ports_.log.error("tracking.not_written", {{"visits", round.size()}, {"problem", known.error().detail}});
        co_return;
    }
    note_clicks(round);
    std::vector<Event> events;
    for (const TrackedVisit& visit : round)
        if (auto event = event_of(visit, *options)) events.push_back(*std::move(event));
    if (events.empty()) co_return;
    const std::size_t count = events.size();
    const auto written = co_await ports_.spool.note(std::move(events), {}, {});
    if (written.has_value()) co_return;
    dropped_.add(count);
    ports_.log.error("tracking.not_written", {{"visits", count}, {"problem", written.error().detail}});
}

// Whether the messages are there, and when they were delivered: asked once for a single recipient.
Task<Result<void>> VisitLog::look_up(const std::vector<TrackedVisit>& round) {
    std::vector<std::pair<Key, Recent*>> unknown;
    std::set<Recent*> seen;
    for (const TrackedVisit& visit : round) {
        Recent& recent = recent_[key_of(visit)];
        recent.touched = visit.at;
        const bool is_complete = recent.is_known && recent.delivered_at && visit.token.ordinal != whole_message;
        if (!is_complete && seen.insert(&recent).second) unknown.emplace_back(key_of(visit), &recent);
    }
    if (unknown.empty()) co_return Result<void>();
    co_return co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        for (const auto& [key, recent] : unknown) {
            const std::int64_t first_day = day_of(time_of(key.message));
            RELEVO_TRY(const auto accepted, reader_.latest(reader, key.message, EventKind::accepted, first_day));
            recent->is_known = accepted.has_value();
            RELEVO_TRY(const auto delivered, reader_.latest(reader, key.message, EventKind::delivered, first_day));
            if (!delivered) continue;
            recent->delivered_at = delivered->at;
            const auto facts = json::parse(delivered->detail);
            if (key.ordinal != whole_message && facts.has_value())
                recent->recipient = json::text_of(json::member(*facts, "recipient"));
        }
        return {};
    });
}

void VisitLog::note_clicks(const std::vector<TrackedVisit>& round) {
    const WallClock::time_point first = round.front().at;
    std::set<Recent*> trimmed;
    for (const TrackedVisit& visit : round) {
        Recent& recent = recent_[key_of(visit)];
        if (trimmed.insert(&recent).second)
            std::erase_if(recent.clicks, [&](const auto& click) { return click.first + round_time < first; });
        if (visit.is_head) recent.head_at = visit.at;
        if (visit.kind == TrackedKind::click && !visit.is_head && recent.clicks.size() < clicks_limit)
            recent.clicks.emplace_back(visit.at, visit.token.link);
    }
}

std::optional<Event> VisitLog::event_of(const TrackedVisit& visit, const TrackingOptions& options) {
    if (visit.is_head) return std::nullopt;
    Recent& recent = recent_[key_of(visit)];
    if (!recent.is_known) {
        forgotten_.add();
        return std::nullopt;
    }
    std::set<std::uint16_t> at_once;
    for (const auto& [at, link] : recent.clicks)
        if (at + round_time >= visit.at && visit.at + round_time >= at) at_once.insert(link);
    tracking::Visit seen{
        .kind = visit.kind == TrackedKind::open ? tracking::VisitKind::open : tracking::VisitKind::click,
        .agent = visit.agent,
        .address = visit.address,
        .since_delivery = {},
        .links_at_once = at_once.size(),
        .asked_by_head = recent.head_at + head_counts >= visit.at};
    if (recent.delivered_at && *recent.delivered_at <= visit.at)
        seen.since_delivery = std::chrono::floor<std::chrono::milliseconds>(visit.at - *recent.delivered_at);
    const tracking::Verdict verdict = options.rules->judge(seen);
    if (is_repeated(recent, visit, verdict.label, options.repeat_window)) {
        repeated_.add();
        return std::nullopt;
    }
    events_.at(visit.kind == TrackedKind::click).at(static_cast<std::size_t>(verdict.label))->add();
    JsonWriter json;
    json.optional("recipient", recent.recipient);
    if (visit.kind == TrackedKind::click) json.field("link", visit.token.link + 1).field("url", visit.url);
    json.field("by", name_of(verdict.label)).field("confidence", verdict.confidence).optional("rule", verdict.rule);
    json.optional("agent", visit.agent).optional("address", kept_address(visit.address, options.address));
    return Event{.id = {},
                 .at = visit.at,
                 .kind = event_kind(visit.kind),
                 .message = visit.token.message,
                 .ordinal = visit.token.ordinal,
                 .tenant = visit.token.tenant,
                 .detail = json.finish()};
}

// Several recipients of one message are told apart by their programs and addresses, as far as that goes.
bool VisitLog::is_repeated(Recent& recent, const TrackedVisit& visit, tracking::Label label,
                           std::chrono::seconds window) {
    const std::string who = visit.token.ordinal == whole_message ? visit.address.text() + visit.agent : std::string();
    const std::uint64_t what = std::hash<std::string>()(
        fmt::format("{}{}/{}/{}", static_cast<char>(visit.kind), visit.token.link, static_cast<unsigned>(label), who));
    if (recent.recorded.size() >= recorded_limit)
        std::erase_if(recent.recorded, [&](const auto& entry) { return entry.second + window < visit.at; });
    const auto before = recent.recorded.find(what);
    if (before != recent.recorded.end() && visit.at < before->second + window) return true;
    if (before == recent.recorded.end() && recent.recorded.size() >= recorded_limit) return true;
    recent.recorded[what] = visit.at;
    return false;
}

void VisitLog::forget_old(WallClock::time_point now, std::chrono::seconds window) {
    if (recent_.size() < recent_limit) return;
    std::erase_if(recent_, [&](const auto& entry) { return entry.second.touched + window < now; });
    if (recent_.size() >= recent_limit) recent_.clear();
}

}  // namespace relevo

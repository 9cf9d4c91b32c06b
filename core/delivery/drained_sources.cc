#include "core/delivery/drained_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace relevo {
namespace {

std::int64_t milliseconds(WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallClock::time_point time_at(std::int64_t value) { return WallClock::time_point(std::chrono::milliseconds(value)); }

}  // namespace

std::string_view name_of(DrainCause cause) {
    switch (cause) {
        case DrainCause::person: return "person";
        case DrainCause::listed: return "listed";
        case DrainCause::blocked: return "blocked";
    }
    return "";
}

Result<Drains> load_drains(Reader& reader) {
    Drains drains;
    RELEVO_CHECK(reader.query("SELECT source, cause, reason, since, until, times FROM drained_source", {},
                              [&](const Row& row) -> Result<void> {
                                  const auto cause = std::clamp<std::int64_t>(row.integer(1), 0, 2);
                                  drains.emplace(std::string(row.text(0)),
                                                 Drain{.cause = static_cast<DrainCause>(cause),
                                                       .reason = std::string(row.text(2)),
                                                       .since = time_at(row.integer(3)),
                                                       .until = time_at(row.integer(4)),
                                                       .times = static_cast<std::uint32_t>(row.integer(5))});
                                  return {};
                              }));
    return drains;
}

Result<void> save_drain(Transaction& transaction, EventWriter& events, const std::string& source, const Drain& drain) {
    RELEVO_CHECK(transaction.execute("DELETE FROM drained_source WHERE source = $1", {std::string_view(source)}));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO drained_source (source, cause, reason, since, until, times) VALUES ($1, $2, $3, $4, $5, $6)",
        {std::string_view(source), static_cast<std::int64_t>(drain.cause), std::string_view(drain.reason),
         milliseconds(drain.since), milliseconds(drain.until), static_cast<std::int64_t>(drain.times)}));
    JsonWriter detail;
    detail.field("source", source).field("cause", name_of(drain.cause)).optional("reason", drain.reason);
    if (drain.cause == DrainCause::blocked) detail.field("until", utc_text(drain.until));
    return events.append(transaction,
                         occasion(EventKind::source_drained, source, TenantId{}, drain.since, std::move(detail)));
}

Result<void> remove_drain(Transaction& transaction, EventWriter& events, const std::string& source,
                          WallClock::time_point now) {
    RELEVO_TRY(const std::int64_t removed,
               transaction.execute("DELETE FROM drained_source WHERE source = $1", {std::string_view(source)}));
    if (removed == 0) return {};
    JsonWriter detail;
    detail.field("source", source);
    return events.append(transaction, occasion(EventKind::source_resumed, source, TenantId{}, now, std::move(detail)));
}

Result<void> note_listing(Transaction& transaction, EventWriter& events, const std::string& source,
                          std::string_view where, WallClock::time_point now) {
    RELEVO_TRY(const auto told, events.latest_about(transaction, subject_text(EventTopic::source, source),
                                                    {EventKind::source_listed, EventKind::source_delisted}));
    const bool was_listed = told && told->kind == EventKind::source_listed;
    if (was_listed == !where.empty()) return {};
    JsonWriter detail;
    detail.field("source", source).optional("where", where);
    return events.append(transaction, occasion(where.empty() ? EventKind::source_delisted : EventKind::source_listed,
                                               source, TenantId{}, now, std::move(detail)));
}

std::optional<Drain> SourceHealth::blocked(const std::string& source, const std::string& shaping_key,
                                           WallClock::time_point now) {
    Past& past = past_[source];
    std::erase_if(past.closed, [&](const auto& one) { return one.second + window < now; });
    past.closed.insert_or_assign(shaping_key, now);
    if (past.closed.size() < enough_destinations) return std::nullopt;
    if (past.rests > 0 && now > past.returned_at + relapse) past.rests = 0;
    std::string names;
    for (const std::string& name : past.closed | std::views::keys) names += (names.empty() ? "" : ", ") + name;
    const auto doubled = first_rest * (1U << std::min(past.rests, 5U));
    past.closed.clear();
    ++past.rests;
    return Drain{.cause = DrainCause::blocked,
                 .reason = fmt::format("its address is refused by {}", names),
                 .since = now,
                 .until = now + std::min<std::chrono::hours>(doubled, longest_rest),
                 .times = past.rests};
}

void SourceHealth::returned(const std::string& source, const Drain& drain, WallClock::time_point now) {
    Past& past = past_[source];
    past.closed.clear();
    past.rests = std::max(past.rests, drain.times);  // of the process before this one, too
    past.returned_at = now;
}

bool can_be_spared(const EgressTable& table, std::string_view source) {
    return std::ranges::all_of(table.pools(), [&](const EgressPool& pool) {
        const bool is_in = std::ranges::any_of(
            pool.members, [&](const EgressMember& member) { return member.source->name == source; });
        return !is_in || std::ranges::any_of(pool.members, [&](const EgressMember& member) {
            return member.source->name != source && !member.source->drained;
        });
    });
}

}  // namespace relevo

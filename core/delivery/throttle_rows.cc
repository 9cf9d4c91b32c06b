#include "core/delivery/throttle_rows.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <array>

namespace relevo {
namespace {

using shaping::SlidingCount;

std::string text_of(const SlidingCount& count) {
    return fmt::format("{} {} {} {} {} {}", count.quarter, count.current, count.before[0], count.before[1],
                       count.before[2], count.before[3]);
}

std::optional<SlidingCount> count_of(std::string_view text) {
    std::array<std::uint32_t, 6> numbers{};
    const auto words = split(text, ' ');
    if (words.size() != numbers.size()) return std::nullopt;
    for (std::size_t place = 0; place < numbers.size(); ++place) {
        const auto number = parse_decimal<std::uint32_t>(words[place]);
        if (!number) return std::nullopt;
        numbers[place] = *number;
    }
    return SlidingCount{
        .quarter = numbers[0], .current = numbers[1], .before = {numbers[2], numbers[3], numbers[4], numbers[5]}};
}

std::int64_t milliseconds(shaping::Time time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// nullopt: out of range.
template <class T>
std::optional<T> number(const Row& row, int column) {
    const std::int64_t value = row.integer(column);
    if (value < 0 || static_cast<std::uint64_t>(value) > std::numeric_limits<T>::max()) return std::nullopt;
    return static_cast<T>(value);
}

std::optional<shaping::AdaptivePace::Learned> pace_of(const Row& row, int first) {
    using Phase = shaping::AdaptivePace::Phase;
    const auto phase = number<std::uint8_t>(row, first + 2);
    const auto cause = bounces::bounce_class_named(row.text(first + 3));
    const auto level = number<std::uint8_t>(row, first + 4);
    const double rate = row.real(first), ceiling = row.real(first + 1);
    const bool is_sane = rate >= 0 && rate < 1e6 && ceiling >= 0 && ceiling < 1e6;
    if (!phase || *phase > static_cast<std::uint8_t>(Phase::blocked) || !cause || !level || !is_sane)
        return std::nullopt;
    return shaping::AdaptivePace::Learned{
        .rate = rate,
        .ceiling = ceiling,
        .phase = static_cast<Phase>(*phase),
        .cause = *cause,
        .level = *level,
        .resume_at = shaping::Time(std::chrono::milliseconds(row.integer(first + 5)))};
}

std::optional<shaping::WarmUpState> warm_up_of(const Row& row, int first) {
    const auto day = number<std::uint16_t>(row, first);
    std::array<std::uint32_t, 6> counts{};
    for (std::size_t place = 0; place < counts.size(); ++place) {
        const auto count = number<std::uint32_t>(row, first + 2 + static_cast<int>(place));
        if (!count) return std::nullopt;
        counts[place] = *count;
    }
    if (!day) return std::nullopt;
    return shaping::WarmUpState{.day = *day,
                                .ended = row.integer(first + 1) != 0,
                                .target = counts[0],
                                .sent = counts[1],
                                .delivered = counts[2],
                                .deferred = counts[3],
                                .bounced = counts[4],
                                .complained = counts[5]};
}

std::optional<shaping::ThrottleState> state_of(const Row& row) {
    const auto messages_of_hour = count_of(row.text(2)), messages_of_day = count_of(row.text(3));
    const auto connections_of_hour = count_of(row.text(4)), connections_of_day = count_of(row.text(5));
    const auto pace = pace_of(row, 6);
    const auto connections = number<std::uint16_t>(row, 12);
    const auto warm_up = warm_up_of(row, 13);
    if (!messages_of_hour || !messages_of_day || !connections_of_hour || !connections_of_day || !pace || !connections ||
        !warm_up)
        return std::nullopt;
    return shaping::ThrottleState{.messages_of_hour = *messages_of_hour,
                                  .messages_of_day = *messages_of_day,
                                  .connections_of_hour = *connections_of_hour,
                                  .connections_of_day = *connections_of_day,
                                  .pace = *pace,
                                  .learned_connections = *connections,
                                  .warm_up = *warm_up};
}

Result<void> forget(Transaction& transaction, std::string_view source, std::string_view shaping_key) {
    RELEVO_CHECK(
        transaction.execute("DELETE FROM throttle WHERE source = $1 AND shaping_key = $2", {source, shaping_key}));
    return {};
}

Result<void> insert(Transaction& transaction, const KeptThrottle& kept) {
    const shaping::ThrottleState& state = kept.state;
    const shaping::WarmUpState& warm_up = state.warm_up;
    const std::string messages_of_hour = text_of(state.messages_of_hour);
    const std::string messages_of_day = text_of(state.messages_of_day);
    const std::string connections_of_hour = text_of(state.connections_of_hour);
    const std::string connections_of_day = text_of(state.connections_of_day);
    const auto whole = [](auto value) { return static_cast<std::int64_t>(value); };
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO throttle (source, shaping_key, messages_of_hour, messages_of_day, connections_of_hour,"
        " connections_of_day, rate, ceiling, phase, cause, level, resume_at, connections, warm_up_day, warm_up_ended,"
        " warm_up_target, warm_up_sent, warm_up_delivered, warm_up_deferred, warm_up_bounced, warm_up_complained)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        {std::string_view(kept.source),
         std::string_view(kept.shaping_key),
         std::string_view(messages_of_hour),
         std::string_view(messages_of_day),
         std::string_view(connections_of_hour),
         std::string_view(connections_of_day),
         state.pace.rate,
         state.pace.ceiling,
         whole(state.pace.phase),
         bounces::name_of(state.pace.cause),
         whole(state.pace.level),
         milliseconds(state.pace.resume_at),
         whole(state.learned_connections),
         whole(warm_up.day),
         whole(warm_up.ended),
         whole(warm_up.target),
         whole(warm_up.sent),
         whole(warm_up.delivered),
         whole(warm_up.deferred),
         whole(warm_up.bounced),
         whole(warm_up.complained)}));
    return {};
}

Result<void> tell_of_warm_up(Transaction& transaction, EventWriter& events, const KeptThrottle& kept,
                             WallClock::time_point now) {
    const shaping::WarmUpState& warm_up = kept.state.warm_up;
    if (warm_up.day == 0) return {};
    std::int64_t target = 0, ended = 0;
    RELEVO_CHECK(transaction.query(
        "SELECT warm_up_target, warm_up_ended FROM throttle WHERE source = $1 AND shaping_key = $2",
        {std::string_view(kept.source), std::string_view(kept.shaping_key)}, [&](const Row& row) -> Result<void> {
            target = row.integer(0);
            ended = row.integer(1);
            return {};
        }));
    if (target == std::int64_t{warm_up.target} && (ended != 0) == warm_up.ended) return {};
    JsonWriter detail;
    detail.field("source", kept.source)
        .field("shaping_key", kept.shaping_key)
        .field("before", target)
        .field("target", warm_up.target)
        .field("ended", warm_up.ended);
    return events.append(transaction,
                         occasion(EventKind::source_warm_up_step, kept.source, TenantId{}, now, std::move(detail)));
}

}  // namespace

Result<void> save_throttles(Transaction& transaction, EventWriter& events, const ThrottleChanges& changes,
                            WallClock::time_point now) {
    for (const auto& [source, shaping_key] : changes.forgotten) RELEVO_CHECK(forget(transaction, source, shaping_key));
    for (const KeptThrottle& kept : changes.changed) {
        RELEVO_CHECK(tell_of_warm_up(transaction, events, kept, now));
        RELEVO_CHECK(forget(transaction, kept.source, kept.shaping_key));
        RELEVO_CHECK(insert(transaction, kept));
    }
    return {};
}

Result<std::size_t> load_throttles(Reader& reader, const std::function<void(const KeptThrottle&)>& kept) {
    std::size_t passed_over = 0;
    RELEVO_CHECK(reader.query(
        "SELECT source, shaping_key, messages_of_hour, messages_of_day, connections_of_hour, connections_of_day, rate,"
        " ceiling, phase, cause, level, resume_at, connections, warm_up_day, warm_up_ended, warm_up_target,"
        " warm_up_sent, warm_up_delivered, warm_up_deferred, warm_up_bounced, warm_up_complained FROM throttle",
        {}, [&](const Row& row) -> Result<void> {
            const auto state = state_of(row);
            if (state)
                kept({.source = std::string(row.text(0)), .shaping_key = std::string(row.text(1)), .state = *state});
            else
                ++passed_over;
            return {};
        }));
    return passed_over;
}

}  // namespace relevo

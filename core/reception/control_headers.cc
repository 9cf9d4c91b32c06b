#include "core/reception/control_headers.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::string_view stream_name = "X-Relevo-Stream";
constexpr std::string_view pool_name = "X-Relevo-Pool";
constexpr std::string_view track_name = "X-Relevo-Track";
constexpr std::string_view send_at_name = "X-Relevo-Send-At";
// More would not fit into a line of a reply.
constexpr std::size_t named_pools = 8;

std::string allowed_pools(std::span<const std::string> pools) {
    if (pools.empty()) return "none may be asked for here; leave the field out";
    std::string text = "write ";
    for (std::size_t i = 0; i < std::min(pools.size(), named_pools); ++i) {
        if (i > 0) text += i + 1 == pools.size() ? " or " : ", ";
        text += pools[i];
    }
    if (pools.size() > named_pools) text += ", …";
    return text;
}

std::optional<Decision> take_stream(ControlHeaders& found, const std::string& value) {
    found.stream = mail::parse_message_stream(to_lower(value));
    if (found.stream) return std::nullopt;
    return decide(ReplyKey::stream_unknown, {{"value", value}});
}

std::optional<Decision> take_track(ControlHeaders& found, const std::string& value) {
    found.tracked = parse_tracked(value);
    if (found.tracked) return std::nullopt;
    return decide(ReplyKey::track_unknown, {{"value", value}});
}

std::optional<Decision> take_pool(ControlHeaders& found, const std::string& value, std::span<const std::string> pools) {
    const auto named =
        std::ranges::find_if(pools, [&](const std::string& pool) { return equals_ignoring_case(pool, value); });
    if (named == pools.end())
        return decide(ReplyKey::pool_unknown, {{"value", value}, {"allowed", allowed_pools(pools)}});
    found.pool = *named;
    return std::nullopt;
}

std::optional<Decision> take_send_at(ControlHeaders& found, const mail::Field& field) {
    Result<std::optional<WallClock::time_point>> time = send_time_of_smtpapi(field);
    if (equals_ignoring_case(field.name, send_at_name)) time = parse_send_time(mail::unfolded(field.value));
    if (!time.has_value()) return decide(ReplyKey::send_at_unusable, {{"problem", time.error().detail}});
    if (!*time) return std::nullopt;
    if (found.send_at) return decide(ReplyKey::control_field_repeated, {{"field", field.name}});
    found.send_at = *time;
    return std::nullopt;
}

}  // namespace

std::expected<ControlHeaders, Decision> control_headers(const mail::Header& header, std::string_view content,
                                                        std::span<const std::string> pools) {
    ControlHeaders found;
    for (const mail::Field& field : header.fields()) {
        const auto labels = take_labels(found.labels, field);
        if (!labels.has_value())
            return std::unexpected(
                decide(ReplyKey::labels_unusable, {{"field", field.name}, {"problem", labels.error().detail}}));
        if (!*labels && !starts_with_ignoring_case(field.name, control_prefix)) continue;
        const auto begin = static_cast<std::size_t>(field.raw.data() - content.data());
        found.places.emplace_back(begin, begin + field.raw.size());
        const bool is_stream = equals_ignoring_case(field.name, stream_name);
        const bool is_pool = equals_ignoring_case(field.name, pool_name);
        const bool is_track = equals_ignoring_case(field.name, track_name);
        if ((is_stream && found.stream) || (is_pool && !found.pool.empty()) || (is_track && found.tracked))
            return std::unexpected(decide(ReplyKey::control_field_repeated, {{"field", field.name}}));
        std::optional<Decision> refusal = take_send_at(found, field);
        if (refusal) return std::unexpected(*std::move(refusal));
        if (is_stream) refusal = take_stream(found, mail::unfolded(field.value));
        if (is_track) refusal = take_track(found, mail::unfolded(field.value));
        if (is_pool) refusal = take_pool(found, mail::unfolded(field.value), pools);
        if (refusal) return std::unexpected(*std::move(refusal));
    }
    return found;
}

void remove_control_headers(mail::SubmissionFixes& fixes, const ControlHeaders& found) {
    if (found.places.empty()) return;
    fixes.removed.insert(fixes.removed.end(), found.places.begin(), found.places.end());
    std::ranges::sort(fixes.removed);
    // What is taken out for another reason too.
    const auto repeated = std::ranges::unique(fixes.removed);
    fixes.removed.erase(repeated.begin(), repeated.end());
}

}  // namespace relevo

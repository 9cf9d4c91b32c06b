#include "core/certificates/schedule.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::chrono::seconds first_pause = std::chrono::minutes(10);
constexpr std::chrono::seconds longest_pause = std::chrono::hours(24);
constexpr std::chrono::hours limit_pause{1};
constexpr std::chrono::hours order_window{1};
constexpr std::chrono::hours suggested_pause{6};

// Spread evenly by any text; the same for ever, unlike std::hash.
double share_of(std::string_view text) {
    std::uint32_t hash = 2166136261U;  // FNV-1a
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    return static_cast<double>(hash % 10'000) / 10'000.0;
}

}  // namespace

WallClock::time_point renewal_time(const acme::ChainFacts& facts, std::chrono::seconds before) {
    const auto life = facts.not_after - facts.not_before;
    const auto wanted = before.count() > 0 ? std::min<WallClock::duration>(before, life / 2) : life / 3;
    const auto earlier = std::chrono::duration_cast<WallClock::duration>(life / 30 * share_of(facts.serial));
    return facts.not_after - wanted - earlier;
}

WallClock::time_point renewal_time(const acme::ChainFacts& facts, std::chrono::seconds before,
                                   const CertificateRecord& record) {
    const WallClock::time_point own = renewal_time(facts, before);
    const RenewalSuggestion& suggestion = record.suggestion;
    if (facts.renewal_id.empty() || suggestion.certificate != facts.renewal_id || !suggestion.has_window()) return own;
    const auto latest = facts.not_after - (facts.not_after - facts.not_before) / 10;
    const auto suggested = std::min(std::max(suggestion.moment, record.followed_at + suggested_pause), latest);
    return before.count() > 0 ? std::min(suggested, own) : suggested;
}

std::chrono::seconds pause_after_failure(std::uint32_t failures, double chance) {
    const std::uint32_t doublings = std::min(failures > 0 ? failures - 1 : 0U, 10U);
    const std::chrono::seconds pause = std::min(first_pause * (1U << doublings), longest_pause);
    return pause + std::chrono::duration_cast<std::chrono::seconds>(pause / 10 * std::clamp(chance, 0.0, 1.0));
}

std::chrono::seconds pause_asked_for(const acme::Refusal& refusal) {
    const std::chrono::seconds asked = refusal.retry_after.value_or(std::chrono::seconds(0));
    const bool is_limit = refusal.problem && refusal.problem->type == "rateLimited";
    return is_limit ? std::max<std::chrono::seconds>(asked, limit_pause) : asked;
}

std::optional<WallClock::time_point> next_order_time(std::vector<WallClock::time_point>& orders,
                                                     std::uint32_t orders_per_hour, WallClock::time_point now) {
    // One from the future was written before the clock was put back: it would block for ever.
    std::erase_if(orders, [now](WallClock::time_point order) { return order <= now - order_window || order > now; });
    if (orders.size() < orders_per_hour) return std::nullopt;
    std::ranges::sort(orders);
    return orders[orders.size() - orders_per_hour] + order_window;
}

}  // namespace relevo

// How values lie in columns: times in milliseconds since 1970, lists and verifiers as text. For core alone.
#pragma once

#include "core/ports/task.h"
#include "core/tenancy/model.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace relevo::columns {

inline std::int64_t of(WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline WallClock::time_point time(std::int64_t column) {
    return WallClock::time_point(std::chrono::milliseconds(column));
}
inline std::string_view of(mail::Language language) { return language == mail::Language::spanish ? "es" : "en"; }
inline mail::Language language(std::string_view column) {
    return column == "es" ? mail::Language::spanish : mail::Language::english;
}
inline std::int64_t of(Ownership ownership) { return static_cast<std::int64_t>(ownership); }
// What no release has written counts as nothing proved.
inline Ownership ownership(std::int64_t column) {
    const bool is_known = column >= 0 && column <= static_cast<std::int64_t>(Ownership::trusted);
    return is_known ? static_cast<Ownership>(column) : Ownership::pending;
}
// 0: nothing was chosen.
inline std::int64_t of(std::optional<DmarcHandling> handling) {
    return handling ? static_cast<std::int64_t>(*handling) + 1 : 0;
}
inline std::optional<DmarcHandling> dmarc_handling(std::int64_t column) {
    if (column < 1 || column > static_cast<std::int64_t>(DmarcHandling::reject) + 1) return std::nullopt;
    return static_cast<DmarcHandling>(column - 1);
}
// 0: nothing was chosen; else 1 for none, with 1 for opens and 2 for clicks.
inline std::int64_t of(std::optional<Tracked> tracked) {
    return tracked ? 1 + (tracked->opens ? 1 : 0) + (tracked->clicks ? 2 : 0) : 0;
}
inline std::optional<Tracked> tracked(std::int64_t column) {
    if (column < 1 || column > 4) return std::nullopt;
    return Tracked{.opens = ((column - 1) & 1) != 0, .clicks = ((column - 1) & 2) != 0};
}
inline std::int64_t of(mail::MessageStream stream) { return static_cast<std::int64_t>(stream); }
inline mail::MessageStream stream(std::int64_t column) {
    return column == 1 ? mail::MessageStream::bulk : mail::MessageStream::transactional;
}
inline std::int64_t of(bool flag) { return flag ? 1 : 0; }

}  // namespace relevo::columns

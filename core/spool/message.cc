#include "core/spool/message.h"

#include <algorithm>

namespace relevo {

MessageId MessageIdSource::next(WallClock::time_point now, std::size_t recipients) {
    constexpr std::int64_t per_millisecond = std::int64_t{1} << id_shard_shift;
    const auto count = static_cast<std::int64_t>(std::max<std::size_t>(recipients, 1));
    const std::int64_t millisecond = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
    if (millisecond > last_millisecond_) {
        last_millisecond_ = millisecond;
        used_ = 0;
    } else if (used_ + count > per_millisecond) {
        ++last_millisecond_;
        used_ = 0;
    }
    const MessageId id{(last_millisecond_ << id_time_shift) | (shard_ << id_shard_shift) | used_};
    used_ += count;
    return id;
}

void MessageIdSource::continue_after(MessageId last) {
    last_millisecond_ = std::max(last_millisecond_, (last.value >> id_time_shift) + 1);
    used_ = 0;
}

}  // namespace relevo

// The answer to one question.
#pragma once

#include "core/policy/replies.h"
#include "core/ports/task.h"

namespace relevo {

// Accepted, refused for good or deferred, as the code of the reply says.
struct Decision {
    ReplyKey key = ReplyKey::credentials_wrong;
    smtp::Reply reply;
    WallClock::time_point retry_at{};  // when it would be accepted; the epoch: that is not known

    [[nodiscard]] bool is_accepted() const { return reply.is_positive(); }
    [[nodiscard]] bool is_deferred() const { return reply.is_transient(); }
};

[[nodiscard]] inline Decision decide(ReplyKey key, std::initializer_list<ReplyValue> values = {}) {
    return {key, make_reply(key, values)};
}

}  // namespace relevo

// Requests that may be sent twice and act once (Idempotency-Key): the answer is kept in the transaction of the effect,
// so that no crash in between makes it happen again.
#pragma once

#include "core/accounts/model.h"
#include "core/accounts/token.h"
#include "core/ports/database.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace relevo {

inline constexpr std::chrono::hours idempotency_retention{24};
inline constexpr std::size_t idempotency_key_limit_octets = 255;
inline constexpr std::size_t idempotent_answer_limit_octets = std::size_t{1} << 20;

struct IdempotentRequest {
    PrincipalKind kind = PrincipalKind::key;
    std::int64_t principal = 0;  // as Principal::id: another one's keys are other keys
    std::string key;             // the header's value
    TokenHash request_hash{};    // request_hash() of what was asked
};
// Of method, path and body.
[[nodiscard]] TokenHash request_hash(std::string_view method, std::string_view path, std::string_view body);
// Errors: invalid – empty, over 255 octets, or others than printable ASCII.
[[nodiscard]] Result<IdempotentRequest> idempotent_request(const Principal& principal, std::string_view key,
                                                           const TokenHash& request_hash);

struct IdempotentAnswer {
    int status = 0;
    std::string body;
};
// The answer of an earlier request with this key: send it again, do nothing. Ask inside the transaction of the effect,
// and again on its repetition. Errors: conflict – the key was used with another request: answer 422.
[[nodiscard]] Result<std::optional<IdempotentAnswer>> find_answer(Reader& reader, const IdempotentRequest& request,
                                                                  WallClock::time_point now);
// Errors: limit – the body is over 1 MiB. conflict – there is one: find_answer() was not asked.
[[nodiscard]] Result<void> keep_answer(Transaction& transaction, const IdempotentRequest& request,
                                       const IdempotentAnswer& answer, WallClock::time_point now);
// Removes at most `limit` answers older than 24 h; true if there may be more.
[[nodiscard]] Result<bool> forget_answers(Transaction& transaction, WallClock::time_point now,
                                          std::int64_t limit = 1000);

}  // namespace relevo

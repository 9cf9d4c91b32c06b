#include "core/accounts/idempotency.h"

#include "core/accounts/clock_slack.h"
#include "core/accounts/columns.h"

#include <algorithm>

namespace relevo {
namespace {

struct StoredAnswer {
    std::string request_hash;
    IdempotentAnswer answer;
    WallClock::time_point created_at;
};

// Those outside were kept for 24 h, or were made by a clock that was far ahead.
struct Kept {
    WallClock::time_point from, until;
};
Kept kept_at(WallClock::time_point now) {
    return {.from = now - idempotency_retention, .until = now + idempotency_retention + clock_slack};
}

Result<std::optional<StoredAnswer>> stored_answer(Reader& reader, const IdempotentRequest& request,
                                                  WallClock::time_point now) {
    const Kept kept = kept_at(now);
    std::optional<StoredAnswer> found;
    RELEVO_CHECK(reader.query(
        "SELECT request_hash, status, body, created_at FROM idempotent_answer"
        " WHERE principal_kind = $1 AND principal_id = $2 AND request_key = $3",
        {static_cast<std::int64_t>(request.kind), request.principal, std::string_view(request.key)},
        [&](const Row& row) -> Result<void> {
            const WallClock::time_point created_at = columns::time(row.integer(3));
            if (created_at < kept.from || created_at > kept.until) return {};
            found = {.request_hash = std::string(row.text(0)),
                     .answer = {.status = static_cast<int>(row.integer(1)), .body = std::string(row.text(2))},
                     .created_at = created_at};
            return {};
        }));
    return found;
}

}  // namespace

TokenHash request_hash(std::string_view method, std::string_view path, std::string_view body) {
    // Neither a method nor a path holds a line feed, so no other three give the same text.
    std::string text;
    text.reserve(method.size() + path.size() + body.size() + 2);
    text.append(method).append("\n").append(path).append("\n").append(body);
    return token_hash(text);
}

Result<IdempotentRequest> idempotent_request(const Principal& principal, std::string_view key,
                                             const TokenHash& request_hash) {
    const bool is_printable = std::ranges::all_of(key, [](char c) { return c >= ' ' && c < '\x7f'; });
    if (key.empty() || key.size() > idempotency_key_limit_octets || !is_printable)
        return failure(ErrorKind::invalid, "an Idempotency-Key has 1 to " +
                                               std::to_string(idempotency_key_limit_octets) +
                                               " printable ASCII characters");
    return IdempotentRequest{
        .kind = principal.kind, .principal = principal.id, .key = std::string(key), .request_hash = request_hash};
}

Result<std::optional<IdempotentAnswer>> find_answer(Reader& reader, const IdempotentRequest& request,
                                                    WallClock::time_point now) {
    RELEVO_TRY(auto stored, stored_answer(reader, request, now));
    if (!stored) return std::optional<IdempotentAnswer>();
    if (stored->request_hash != token_hash_text(request.request_hash))
        return failure(ErrorKind::conflict,
                       "this Idempotency-Key was used for another request in the last 24 hours: take a new one for "
                       "each request, and the same only to repeat one unchanged");
    return std::optional(std::move(stored->answer));
}

Result<void> keep_answer(Transaction& transaction, const IdempotentRequest& request, const IdempotentAnswer& answer,
                         WallClock::time_point now) {
    if (answer.body.size() > idempotent_answer_limit_octets)
        return failure(ErrorKind::limit, "the answer is too long to be kept for a repeated request");
    RELEVO_TRY(const auto present, stored_answer(transaction, request, now));
    if (present) return failure(ErrorKind::conflict, "the request was answered already");
    const std::string hash = token_hash_text(request.request_hash);
    RELEVO_CHECK(transaction.execute(
        "DELETE FROM idempotent_answer WHERE principal_kind = $1 AND principal_id = $2 AND request_key = $3",
        {static_cast<std::int64_t>(request.kind), request.principal, std::string_view(request.key)}));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO idempotent_answer (principal_kind, principal_id, request_key, request_hash, status, body,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        {static_cast<std::int64_t>(request.kind), request.principal, std::string_view(request.key),
         std::string_view(hash), std::int64_t{answer.status}, std::string_view(answer.body), columns::of(now)}));
    return {};
}

Result<bool> forget_answers(Transaction& transaction, WallClock::time_point now, std::int64_t limit) {
    const Kept kept = kept_at(now);
    RELEVO_TRY(const std::int64_t removed,
               transaction.execute("DELETE FROM idempotent_answer WHERE (principal_kind, principal_id, request_key) IN"
                                   " (SELECT principal_kind, principal_id, request_key FROM idempotent_answer"
                                   " WHERE created_at < $1 OR created_at > $2 LIMIT $3)",
                                   {columns::of(kept.from), columns::of(kept.until), limit}));
    return removed == limit;
}

}  // namespace relevo

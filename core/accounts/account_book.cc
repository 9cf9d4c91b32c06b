#include "core/accounts/account_book.h"

#include "core/accounts/idempotency.h"
#include "core/accounts/one_time_tokens.h"
#include "core/accounts/sessions.h"

namespace relevo {

namespace {
// So long can somebody still see which key it was that stopped working.
constexpr std::chrono::days ended_keys_kept{400};
}  // namespace

Result<void> AccountBook::load_keys(Reader& reader) {
    RELEVO_TRY(keys_, KeyTable::load(reader));
    return {};
}

Result<void> AccountBook::keep_house(Transaction& transaction, const std::vector<KeyUse>& uses,
                                     WallClock::time_point now) {
    RELEVO_CHECK(save_key_uses(transaction, uses));
    RELEVO_CHECK(forget_api_keys(transaction, now - ended_keys_kept));
    RELEVO_CHECK(forget_sessions(transaction, now));
    RELEVO_CHECK(forget_one_time_tokens(transaction, now));
    RELEVO_CHECK(forget_answers(transaction, now));
    RELEVO_CHECK(AuditWriter::forget(transaction, now));
    return {};
}

}  // namespace relevo

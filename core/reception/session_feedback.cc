// Whom a tenant's mail must not reach.
#include "core/reception/session.h"

namespace relevo {

std::optional<Decision> ReceptionSession::judge_suppression(const mail::Address& recipient) const {
    const SuppressionKeeper* keeper = reception_.ports_.shared.suppressions;
    if (keeper == nullptr || !identity_.is_known() || keeper->options()->recipients != SuppressedRecipient::refused)
        return std::nullopt;
    const auto reason = keeper->index().find(identity_.tenant, recipient, WallClock::now());
    if (!reason) return std::nullopt;
    return decide(ReplyKey::recipient_suppressed, {{"address", recipient.text()}, {"reason", name_of(*reason)}});
}

Task<Result<std::vector<Withheld>>> ReceptionSession::suppressed_recipients(const mail::Envelope& envelope) {
    const SuppressionKeeper* keeper = reception_.ports_.shared.suppressions;
    if (keeper == nullptr || !identity_.is_known()) co_return std::vector<Withheld>();
    co_return co_await keeper->withheld_of(identity_.tenant, envelope);
}

}  // namespace relevo

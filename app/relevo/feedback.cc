#include "app/relevo/feedback.h"

#include "app/relevo/options.h"

namespace relevo {

Feedback::Feedback(const Configuration& configuration, Store& store, Log& log, Metrics& metrics)
    : index_(system_random()),
      keeper_(index_, store.committer(), log, metrics, suppression_options(configuration.suppression)) {
    store.spool().set_rules(
        {.ended = [this](Transaction& transaction, const Message& message,
                         const DeliveryOutcome& outcome) { return keeper_.ended(transaction, message, outcome); },
         .withhold = [this](Reader& reader, TenantId tenant,
                            const mail::Address& address) { return keeper_.withhold(reader, tenant, address); },
         .may_withhold =
             [this](TenantId tenant, const mail::Address& address) {
                 return tenant && index_.find(tenant, address, WallClock::now()).has_value();
             }});
}

Result<void> Feedback::load(Reader& reader) { return index_.load(reader, WallClock::now()); }

void Feedback::configure(const Configuration& configuration) {
    keeper_.set_options(suppression_options(configuration.suppression));
}

Result<void> Feedback::keep_house(Transaction& transaction, WallClock::time_point now) {
    return keeper_.forget_old(transaction, now);
}

}  // namespace relevo

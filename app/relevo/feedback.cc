#include "app/relevo/feedback.h"

#include "app/relevo/options.h"

namespace relevo {
namespace {
constexpr std::chrono::days key_age{180};
}  // namespace

Feedback::Feedback(const Configuration& configuration, Store& store, Log& log, Metrics& metrics)
    : store_(store),
      log_(log),
      metrics_(metrics),
      index_(system_random()),
      keeper_(index_, store.committer(), store.spool().events(), log, metrics,
              suppression_options(configuration.suppression)),
      conduct_(log, metrics, conduct_options(configuration.conduct)) {
    store.spool().set_rules(
        {.ended = [this](Transaction& transaction, const Message& message,
                         const DeliveryOutcome& outcome) { return keeper_.ended(transaction, message, outcome); },
         .withhold = [this](Reader& reader, TenantId tenant,
                            const mail::Address& address) { return keeper_.withhold(reader, tenant, address); },
         .may_withhold =
             [this](TenantId tenant, const mail::Address& address) {
                 return tenant && index_.find(tenant, address, WallClock::now()).has_value();
             },
         .return_path =
             [this](const Message& message) {
                 return return_paths_ ? return_paths_->of_message(message) : std::nullopt;
             }});
}

Result<void> Feedback::open(const Configuration& configuration, FeedbackPorts ports) {
    vault_ = &ports.vault;
    return_paths_ =
        std::make_unique<ReturnPaths>(std::move(ports.directory), return_path_options(configuration.feedback));
    intake_ = std::make_unique<FeedbackIntake>(FeedbackIntake::Ports{.spool = store_.spool(),
                                                                     .committer = store_.committer(),
                                                                     .suppressions = keeper_,
                                                                     .conduct = conduct_,
                                                                     .return_paths = *return_paths_,
                                                                     .log = log_,
                                                                     .metrics = metrics_,
                                                                     .patterns = std::move(ports.patterns)},
                                               feedback_options(configuration.feedback));
    RELEVO_CHECK(store_.read([this](Reader& reader) { return load_keys(reader); }));
    if (return_paths_->keys()->newest() != nullptr) return {};
    RELEVO_CHECK(store_.write([this](Transaction& transaction) {
        return TokenKeys::make(transaction, *vault_, system_random(), WallClock::now());
    }));
    return store_.read([this](Reader& reader) { return load_keys(reader); });
}

// A key that does not open (the master key is another one) makes old return paths void; mail goes on with a new one.
Result<void> Feedback::load_keys(Reader& reader) {
    std::vector<std::string> problems;
    RELEVO_TRY(auto keys, TokenKeys::load(reader, *vault_, problems));
    for (const std::string& problem : problems) log_.error("feedback.key_lost", {{"problem", problem}});
    return_paths_->set_keys(std::move(keys));
    return {};
}

Result<void> Feedback::load(Reader& reader) {
    RELEVO_CHECK(conduct_.load(reader, WallClock::now()));
    return index_.load(reader, WallClock::now());
}

// Reports of ours, whose sender is null, say nothing about whom the tenant writes to.
void Feedback::concluded(const Message& message, const AttemptResult& result) {
    if (!message.tenant || message.envelope.reverse_path.is_null()) return;
    if (result.outcome == Outcome::delivered)
        conduct_.count(message.tenant, ConductFact::delivered, WallClock::now());
    else if (result.outcome == Outcome::failed && result.nature == bounces::BounceNature::hard)
        conduct_.count(message.tenant, ConductFact::refused, WallClock::now());
}

void Feedback::configure(const Configuration& configuration) {
    keeper_.set_options(suppression_options(configuration.suppression));
    conduct_.set_options(conduct_options(configuration.conduct));
    if (return_paths_) return_paths_->set_options(return_path_options(configuration.feedback));
    if (intake_) intake_->set_options(feedback_options(configuration.feedback));
}

Result<void> Feedback::keep_house(Transaction& transaction, WallClock::time_point now) {
    RELEVO_CHECK(conduct_.save(transaction, store_.spool().events(), now));
    return keeper_.forget_old(transaction, now);
}

Task<> Feedback::keep_keys(WallClock::time_point now) {
    const auto keys = return_paths_->keys();
    if (keys->newest() != nullptr && now - keys->newest()->created_at < key_age) co_return;
    CommitRequest request;
    request.rows = [this, now](Transaction& transaction, const std::vector<ContentToStore>&) {
        return TokenKeys::make(transaction, *vault_, system_random(), now);
    };
    auto made = co_await commit(store_.committer(), std::move(request));
    if (made.has_value())
        made = co_await read_rows(store_.committer(), [this](Reader& reader) { return load_keys(reader); });
    if (!made.has_value()) log_.error("feedback.key_not_made", {{"problem", made.error().detail}});
}

}  // namespace relevo

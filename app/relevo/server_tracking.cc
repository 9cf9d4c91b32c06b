// The server's opens and clicks, and its statistics.
#include "app/lookups/message_file.h"
#include "app/relevo/options.h"
#include "app/relevo/server.h"

#include <fmt/format.h>

#include <future>

namespace relevo {
namespace {
constexpr std::chrono::seconds visit_write_limit{5};  // at the end
constexpr std::chrono::seconds statistics_limit{5};   // likewise
}  // namespace

Result<std::shared_ptr<const tracking::MachineRules>> Server::machine_rules(const Configuration& configuration) {
    const std::string& path = configuration.tracking.machines;
    if (path.empty()) return std::make_shared<const tracking::MachineRules>(tracking::MachineRules::built_in());
    RELEVO_TRY(const std::string text, lookups::read_file(path, tracking::MachineRules::limit_octets));
    auto rules = tracking::MachineRules::parse(text);
    if (!rules) return failure(rules.error().kind, fmt::format("{}: {}", path, rules.error().detail));
    return std::make_shared<const tracking::MachineRules>(*std::move(rules));
}

Result<void> Server::make_tracker() {
    RELEVO_TRY(auto rules, machine_rules(*started_with_));
    tracker_ = std::make_unique<Tracker>(Tracker::Ports{.shard = shards_.front()->shard,
                                                        .spool = store_->spool(),
                                                        .committer = store_->committer(),
                                                        .log = *log_,
                                                        .metrics = metrics_,
                                                        .keys = [this] { return feedback_->return_paths()->keys(); },
                                                        .directory = [this] { return access_->directory.load(); }},
                                         tracking_options(started_with_->tracking, std::move(rules)));
    return {};
}

// What was seen in the last second is written; longer than a few seconds nobody waits for that.
void Server::finish_tracking() {
    auto finished = std::make_shared<std::promise<void>>();  // shared with a coroutine that may take too long
    const auto finish = [](Tracker& tracker, std::shared_ptr<std::promise<void>> done) -> Task<> {
        co_await tracker.finish();
        done->set_value();
    };
    shards_.front()->shard.spawn(finish(*tracker_, finished));
    if (finished->get_future().wait_for(visit_write_limit) != std::future_status::ready)
        log_->error("tracking.not_written",
                    {{"problem", "the store takes too long: the last opens and clicks are lost"}});
}

void Server::make_statistics() {
    statistics_ = std::make_unique<Statistics>(Statistics::Ports{.shard = shards_.front()->shard,
                                                                 .events = store_->database(),
                                                                 .book = store_->statistics_committer(),
                                                                 .log = *log_,
                                                                 .metrics = metrics_,
                                                                 .queue = &delivery_metrics_->queue});
}

// What is not counted in time, is after the next start: the events are there.
void Server::finish_statistics() {
    auto finished = std::make_shared<std::promise<void>>();  // shared with a coroutine that may take too long
    const auto finish = [](Statistics& statistics, std::shared_ptr<std::promise<void>> done) -> Task<> {
        co_await statistics.finish();
        done->set_value();
    };
    shards_.front()->shard.spawn(finish(*statistics_, finished));
    static_cast<void>(finished->get_future().wait_for(statistics_limit));
}

}  // namespace relevo

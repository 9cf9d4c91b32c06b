#include "core/reporting/tls_report_wishes.h"

#include "core/reporting/tls_report_sender.h"

#include <algorithm>
#include <memory>

namespace relevo {
namespace {

constexpr std::size_t questions_at_once = 20;
constexpr std::chrono::hours remembered{1};

}  // namespace

// One call's questions, shared by the coroutines that ask them.
struct TlsReportWishes::Round {
    Round(Shard& shard, Deadline end) : ended(shard), deadline(end) {}
    std::vector<std::string> domains;  // still to be asked for
    std::size_t running = 0;
    Wakeup ended;
    Deadline deadline;
};

Task<> TlsReportWishes::ask(std::shared_ptr<Round> round) {
    while (!round->domains.empty() && Clock::now() < round->deadline) {
        const std::string domain = std::move(round->domains.back());
        round->domains.pop_back();
        const auto answer = co_await resolver_.query("_smtp._tls." + domain, dns::RecordType::txt, round->deadline);
        if (!answer.has_value()) continue;
        wishes_[domain] = {.wants = choose_tls_reporting_record(answer->texts).has_value(),
                           .until = Clock::now() + remembered};
    }
    --round->running;
    round->ended.notify_all();
}

Task<std::vector<CountedRow>> TlsReportWishes::wanted(std::vector<CountedRow> rows) {
    const Deadline now = Clock::now();
    std::erase_if(wishes_, [&](const auto& entry) { return entry.second.until <= now; });
    if (wishes_.size() >= limit_) wishes_.clear();
    const auto round = std::make_shared<Round>(shard_, now + time_limit);
    for (const CountedRow& row : rows)
        if (!wishes_.contains(row.policy_domain)) round->domains.push_back(row.policy_domain);
    std::ranges::sort(round->domains);
    const auto repeated = std::ranges::unique(round->domains);
    round->domains.erase(repeated.begin(), repeated.end());
    round->running = std::min(questions_at_once, round->domains.size());
    for (std::size_t left = round->running; left > 0; --left) shard_.spawn(ask(round));
    while (round->running > 0) co_await round->ended.wait();
    std::erase_if(rows, [&](const CountedRow& row) {
        const auto wish = wishes_.find(row.policy_domain);
        return wish != wishes_.end() && !wish->second.wants;
    });
    co_return rows;
}

}  // namespace relevo

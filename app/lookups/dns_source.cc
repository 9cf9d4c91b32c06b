#include "app/lookups/dns_source.h"

#include "adapters/resolver/unbound_resolver.h"
#include "app/lookups/message_file.h"
#include "core/setup/parallel.h"
#include "lib/dns/answer_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace relevo::lookups {
namespace {

class TableSource final : public DnsSource {
 public:
    explicit TableSource(dns::AnswerTable table) : table_(std::move(table)) {}
    Result<dns::Answer> answer(const dns::Question& question) override { return table_(question); }
    void answer_all(std::vector<std::unique_ptr<Job>> jobs, Clock::time_point /*until*/) override {
        for (const auto& job : jobs)
            while (const dns::Question* question = job->next()) job->answer(table_(*question));
    }
    [[nodiscard]] bool is_live() const override { return false; }
    [[nodiscard]] bool validates() const override { return true; }
    [[nodiscard]] std::chrono::steady_clock::time_point deadline() const override { return deadline_; }

 private:
    dns::AnswerTable table_;
    Clock::time_point deadline_ = Clock::now() + total_time;
};

Task<> look_up(Shard& shard, Resolver& resolver, dns::Question question, Deadline deadline,
               std::optional<Result<dns::Answer>>& answer) {
    answer = co_await resolver.query(std::move(question.name), question.type, deadline);
    shard.stop();
}

Error took_too_long() { return {ErrorKind::timeout, "the DNS took too long in all"}; }

Task<> perform(Resolver& resolver, std::unique_ptr<DnsSource::Job> job, Deadline until) {
    while (const dns::Question* question = job->next()) {
        if (Clock::now() >= until)
            job->answer(std::unexpected(took_too_long()));
        else
            job->answer(
                co_await resolver.query(question->name, question->type, std::min(until, Clock::now() + question_time)));
    }
}

Task<> perform_all(Shard& shard, Resolver& resolver, std::vector<std::unique_ptr<DnsSource::Job>> jobs,
                   Deadline until) {
    std::vector<Task<>> tasks;
    for (auto& job : jobs) tasks.push_back(perform(resolver, std::move(job), until));
    co_await setup::run_together(shard, std::move(tasks));
    shard.stop();
}

// The shard runs only while a question is under way.
class LiveSource final : public DnsSource {
 public:
    Result<void> open(resolver::UnboundOptions options) {
        RELEVO_TRY(resolver_, resolver::UnboundResolver::make(shard_, std::move(options)));
        view_ = resolver_->view(shard_);
        return {};
    }
    Result<dns::Answer> answer(const dns::Question& question) override {
        if (Clock::now() >= deadline_)
            return failure(ErrorKind::timeout, fmt::format("the DNS took more than {} s in all", total_time.count()));
        std::optional<Result<dns::Answer>> answer;
        shard_.context().restart();
        shard_.spawn(look_up(shard_, *view_, question, deadline_, answer));
        shard_.run();
        return *std::move(answer);
    }
    void answer_all(std::vector<std::unique_ptr<Job>> jobs, Clock::time_point until) override {
        shard_.context().restart();
        shard_.spawn(perform_all(shard_, *view_, std::move(jobs), until));
        shard_.run();
    }
    [[nodiscard]] bool is_live() const override { return true; }
    [[nodiscard]] bool validates() const override { return resolver_->validates(); }
    [[nodiscard]] std::chrono::steady_clock::time_point deadline() const override { return deadline_; }

 private:
    Shard shard_{0};
    std::unique_ptr<resolver::UnboundResolver> resolver_;
    std::unique_ptr<Resolver> view_;
    Clock::time_point deadline_ = Clock::now() + total_time;
};

}  // namespace

Result<std::unique_ptr<DnsSource>> dns_from_text(std::string_view text) {
    RELEVO_TRY(auto table, dns::AnswerTable::parse(text));
    return std::make_unique<TableSource>(std::move(table));
}

Result<std::unique_ptr<DnsSource>> open_dns(const cli::LookupOptions& options) {
    if (!options.dns_file.empty()) {
        RELEVO_TRY(const std::string text, read_file(options.dns_file, dns::AnswerTable::text_limit_octets));
        auto source = dns_from_text(text);
        if (!source)
            return failure(source.error().kind, fmt::format("{}: {}", options.dns_file, source.error().detail));
        return source;
    }
    resolver::UnboundOptions unbound;
    unbound.forwarders = options.dns.servers;
    if (unbound.forwarders.empty()) unbound.resolv_conf = "/etc/resolv.conf";
    unbound.trust_anchor_file = options.dns.trust_anchor_file;
    if (options.opens_private_zones) unbound.open_zones = resolver::zones_of_private_networks();
    auto source = std::make_unique<LiveSource>();
    RELEVO_CHECK(source->open(std::move(unbound)));
    return source;
}

}  // namespace relevo::lookups

#include "core/reception/reception.h"

#include "core/reception/session.h"

#include <array>

namespace relevo {
namespace {
constexpr std::array commit_bounds{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0};

// A counter for each result of a method; the results are numbered from 0.
template <class Result, std::size_t N>
void count_by_result(Metrics& metrics, std::string_view method, std::array<Counter*, N>& counters) {
    for (std::size_t i = 0; i < N; ++i)
        counters.at(i) = &metrics.counter(
            "relevo_authentication_results_total", "What was found about mail from outside, by method and result",
            {{"method", std::string(method)}, {"result", std::string(name_of(static_cast<Result>(i)))}});
}

template <class Result, std::size_t N>
void add_to(const std::array<Counter*, N>& counters, Result result) {
    counters.at(static_cast<std::size_t>(std::to_underlying(result)))->add();
}
}  // namespace

ReceptionMetrics::ReceptionMetrics(Metrics& metrics)
    : connections(metrics.counter("relevo_connections_in_total", "Connections from clients, by result",
                                  {{"result", "accepted"}})),
      refused_connections(metrics.counter("relevo_connections_in_total", "Connections from clients, by result",
                                          {{"result", "refused"}})),
      accepted(metrics.counter("relevo_messages_accepted_total", "Messages taken over: durable before the reply")),
      accepted_octets(metrics.counter("relevo_messages_accepted_octets_total", "Content of the messages taken over")),
      refused_messages(
          metrics.counter("relevo_messages_refused_total", "Messages refused at or after the end of their content")),
      logins(metrics.counter("relevo_logins_total", "Logins, by result", {{"result", "succeeded"}})),
      failed_logins(metrics.counter("relevo_logins_total", "Logins, by result", {{"result", "failed"}})),
      quota_refused(metrics.counter("relevo_quota_messages_total", "Messages beyond a quota, by what became of them",
                                    {{"result", "refused"}})),
      quota_delayed(metrics.counter("relevo_quota_messages_total", "Messages beyond a quota, by what became of them",
                                    {{"result", "delayed"}})),
      quota_warnings(metrics.counter("relevo_quota_warnings_total", "Quotas that came to 80 or 100 per cent")),
      open_connections(metrics.gauge("relevo_connections_in", "Open connections from clients")),
      commit_seconds(
          metrics.histogram("relevo_commit_seconds", "Time from the end of a message to its reply", commit_bounds)) {
    count_by_result<mailauth::SpfResult>(metrics, "spf", spf_);
    count_by_result<mailauth::DkimResult>(metrics, "dkim", dkim_);
    count_by_result<mailauth::DmarcResult>(metrics, "dmarc", dmarc_);
}

void ReceptionMetrics::count(const Findings& findings) {
    for (const auto& spf : findings.spf) add_to(spf_, spf.result);
    if (findings.dkim)
        for (const auto& dkim : *findings.dkim) add_to(dkim_, dkim.result);
    if (findings.dmarc) add_to(dmarc_, findings.dmarc->result);
}

void Reception::serve(const ListenerOptions& listener, std::unique_ptr<Stream> stream) {
    ports_.shard.spawn(run(listener, std::move(stream)));
}

Task<> Reception::run(const ListenerOptions& listener, std::unique_ptr<Stream> stream) {
    ReceptionSession session(*this, listener, std::move(stream));
    sessions_.insert(&session);
    if (draining_) session.drain();  // it was on its way from the shard that accepted it
    ports_.metrics.open_connections.add();
    co_await session.run();
    ports_.metrics.open_connections.subtract();
    sessions_.erase(&session);
    if (draining_ && sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void Reception::drain(Deadline deadline, std::function<void()> done) {
    ports_.shard.post([this, deadline, done = std::move(done)]() mutable {
        draining_ = true;
        if (sessions_.empty()) return done();
        drained_ = std::move(done);
        for (ReceptionSession* session : sessions_) session->drain();
        ports_.shard.spawn(wait_until_drained(deadline));
    });
}

Task<> Reception::wait_until_drained(Deadline deadline) {
    co_await sleep_until(deadline);
    if (drained_) std::exchange(drained_, nullptr)();
}

}  // namespace relevo

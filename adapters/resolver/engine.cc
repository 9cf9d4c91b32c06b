#include "adapters/resolver/engine.h"

#include "lib/base/text.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>
#include <unbound.h>

namespace relevo::resolver {
namespace {

constexpr int class_internet = 1;
constexpr int rcode_no_error = 0;
constexpr int rcode_server_failure = 2;
constexpr int rcode_no_such_name = 3;
constexpr std::chrono::seconds ttl_of_unstated{60};

using ResultPointer = std::unique_ptr<ub_result, void (*)(ub_result*)>;

std::string canonical_of(const ub_result& result) {
    std::string_view name = result.canonname != nullptr ? result.canonname : result.qname;
    if (name.ends_with('.')) name.remove_suffix(1);
    return to_lower(name);
}

// Whether the answer says how long it holds: by its records, or by the SOA beside "there is none" (RFC 2308 §5), which
// may be at its last moment: 0.
bool states_ttl(const ub_result& result) {
    if (result.ttl > 0 || (result.data != nullptr && result.data[0] != nullptr)) return true;
    constexpr int authority_count = 8;  // its place in the header (RFC 1035 §4.1.1)
    const auto* header = static_cast<const unsigned char*>(result.answer_packet);
    return header != nullptr && result.answer_len >= 12 &&
           (header[authority_count] != 0 || header[authority_count + 1] != 0);
}

Result<dns::Answer> answer_of(const ub_result& result, dns::RecordType type) {
    if (result.bogus != 0)
        return std::unexpected(
            dns::bogus_error(printable(result.why_bogus != nullptr ? result.why_bogus : "no reason given")));
    if (result.rcode == rcode_server_failure)
        return failure(ErrorKind::temporary,
                       fmt::format("no name server could answer about {} (SERVFAIL)", printable(result.qname)));
    if (result.rcode != rcode_no_error && result.rcode != rcode_no_such_name)
        return failure(ErrorKind::temporary, fmt::format("the name server answered about {} with code {}",
                                                         printable(result.qname), result.rcode));
    std::vector<std::string_view> rdata;
    for (std::size_t index = 0; result.data != nullptr && result.data[index] != nullptr; ++index)
        rdata.emplace_back(result.data[index], static_cast<std::size_t>(result.len[index]));
    Result<dns::Answer> answer = dns::decode_records(type, rdata);
    if (!answer)  // the zone's owner must mend it, so it may be better later
        return failure(ErrorKind::temporary, fmt::format("{}: {}", printable(result.qname), answer.error().detail));
    answer->name_exists = result.nxdomain == 0;
    answer->security = result.secure != 0 ? dns::Security::secure : dns::Security::insecure;
    answer->canonical_name = canonical_of(result);
    answer->ttl = states_ttl(result) ? std::chrono::seconds(result.ttl) : ttl_of_unstated;
    return answer;
}

Error error_of_unbound(int problem, std::string_view name) {
    const ErrorKind kind = problem == UB_SYNTAX ? ErrorKind::invalid : ErrorKind::temporary;
    return {kind, fmt::format("cannot ask about {}: {}", printable(name), ub_strerror(problem))};
}

}  // namespace

UnboundResolver::Engine::Engine(Shard& home, ub_ctx* context, const UnboundOptions& options, bool validates)
    : home_(home),
      context_(context),
      descriptor_(home.executor(), ub_fd(context)),
      parallel_queries_(options.parallel_queries),
      cache_entries_(options.cache_entries),
      validates_(validates) {}

UnboundResolver::Engine::~Engine() {
    descriptor_.release();
    ub_ctx_delete(context_);
}

void UnboundResolver::Engine::start() { home_.spawn(watch(shared_from_this())); }

void UnboundResolver::Engine::stop() {
    home_.post([self = shared_from_this()] {
        self->is_stopped_ = true;
        for (const auto& [ticket, query] : self->queries_)
            if (query->is_running) ub_cancel(self->context_, query->unbound_id);
        self->queries_.clear();
        boost::system::error_code ignored;
        self->descriptor_.cancel(ignored);
    });
}

Task<> UnboundResolver::Engine::watch(std::shared_ptr<Engine> self) {
    while (!self->is_stopped_) {
        boost::system::error_code ignored;
        co_await self->descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                              boost::asio::redirect_error(use_task, ignored));
        if (!self->is_stopped_) ub_process(self->context_);
    }
}

Ticket UnboundResolver::Engine::ask(std::string name, dns::RecordType type, Reply reply) {
    auto query = std::make_unique<Query>();
    query->engine = this;
    query->ticket = next_ticket_.fetch_add(1, std::memory_order_relaxed);
    query->name = std::move(name);
    query->type = type;
    query->reply = std::move(reply);
    const Ticket ticket = query->ticket;
    home_.post([self = shared_from_this(), query = std::move(query)]() mutable { self->begin(std::move(query)); });
    return ticket;
}

void UnboundResolver::Engine::begin(std::unique_ptr<Query> query) {
    if (is_stopped_) return;
    Query& begun = *query;
    queries_.emplace(begun.ticket, std::move(query));
    if (running_ < parallel_queries_)
        run(begun);
    else
        waiting_.push_back(begun.ticket);
}

void UnboundResolver::Engine::run(Query& query) {
    query.is_running = true;
    ++running_;
    const int problem = ub_resolve_async(context_, query.name.c_str(), static_cast<int>(query.type), class_internet,
                                         &query, on_answer, &query.unbound_id);
    if (problem != 0) finish(query.ticket, std::unexpected(error_of_unbound(problem, query.name)));
}

void UnboundResolver::Engine::on_answer(void* context, int problem, ub_result* raw_result) {
    const ResultPointer result(raw_result, ub_resolve_free);
    const auto& query = *static_cast<const Query*>(context);
    Engine& engine = *query.engine;
    if (problem != 0 || !result)
        engine.finish(query.ticket, std::unexpected(error_of_unbound(problem, query.name)));
    else
        engine.finish(query.ticket, answer_of(*result, query.type));
}

void UnboundResolver::Engine::finish(Ticket ticket, Result<dns::Answer> answer) {
    const auto found = queries_.find(ticket);
    if (found == queries_.end()) return;
    const std::unique_ptr<Query> query = std::move(found->second);
    queries_.erase(found);
    --running_;
    query->reply(std::move(answer));
    run_waiting();
}

void UnboundResolver::Engine::run_waiting() {
    while (running_ < parallel_queries_ && !waiting_.empty()) {
        const auto next = queries_.find(waiting_.front());
        waiting_.pop_front();
        if (next != queries_.end()) run(*next->second);  // else it was cancelled
    }
}

void UnboundResolver::Engine::cancel(Ticket ticket) {
    home_.post([self = shared_from_this(), ticket] {
        const auto found = self->queries_.find(ticket);
        if (found == self->queries_.end()) return;
        if (found->second->is_running) {
            ub_cancel(self->context_, found->second->unbound_id);
            --self->running_;
        }
        self->queries_.erase(found);
        self->run_waiting();
    });
}

}  // namespace relevo::resolver

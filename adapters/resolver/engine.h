// libunbound's context and what is asked of it.
#pragma once

#include "adapters/resolver/unbound_resolver.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

struct ub_ctx;
struct ub_result;

namespace relevo::resolver {

// Gets the answer, on the home shard.
using Reply = std::move_only_function<void(Result<dns::Answer>)>;

// Names a question that is under way, across shards.
using Ticket = std::uint64_t;

// Every call of libunbound is made on the home shard. Threads: ask() and cancel() any.
class UnboundResolver::Engine : public std::enable_shared_from_this<Engine> {
 public:
    Engine(Shard& home, ub_ctx* context, const UnboundOptions& options, bool validates);
    ~Engine();

    // Begins to watch libunbound's descriptor.
    void start();
    // Ends all questions without an answer. Threads: any.
    void stop();
    Ticket ask(std::string name, dns::RecordType type, Reply reply);
    // The reply of this question is not wanted any more.
    void cancel(Ticket ticket);

    [[nodiscard]] bool validates() const { return validates_; }
    [[nodiscard]] std::size_t cache_entries() const { return cache_entries_; }

 private:
    struct Query {
        Engine* engine = nullptr;
        Ticket ticket = 0;
        std::string name;
        dns::RecordType type{};
        Reply reply;
        int unbound_id = 0;
        bool is_running = false;
    };
    static Task<> watch(std::shared_ptr<Engine> self);
    static void on_answer(void* query, int problem, ub_result* result);
    void begin(std::unique_ptr<Query> query);
    void run(Query& query);
    void finish(Ticket ticket, Result<dns::Answer> answer);
    void run_waiting();

    Shard& home_;
    ub_ctx* context_;
    boost::asio::posix::basic_stream_descriptor<Executor> descriptor_;  // libunbound's; never closed here
    std::size_t parallel_queries_;
    std::size_t cache_entries_;
    bool validates_;
    bool is_stopped_ = false;
    std::size_t running_ = 0;
    std::atomic<Ticket> next_ticket_{1};
    std::unordered_map<Ticket, std::unique_ptr<Query>> queries_;  // running and waiting
    std::deque<Ticket> waiting_;
};

}  // namespace relevo::resolver

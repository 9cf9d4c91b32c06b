#include "adapters/resolver/unbound_resolver.h"

#include "adapters/resolver/answer_cache.h"
#include "adapters/resolver/engine.h"
#include "lib/base/text.h"

#include <fmt/format.h>
#include <unbound.h>

#include <map>
#include <optional>
#include <unistd.h>

namespace relevo::resolver {
namespace {

constexpr std::size_t name_limit_octets = 253;  // as text, without the final dot

using ContextPointer = std::unique_ptr<ub_ctx, void (*)(ub_ctx*)>;

Result<void> checked(int problem, std::string_view what) {
    if (problem == 0) return {};
    return failure(ErrorKind::invalid, fmt::format("resolver: {}: {}", what, ub_strerror(problem)));
}

// Room for a busy relay: what libunbound allows itself by default is meant for one browser. And a way back after an
// outage: a server that was silent is asked again within seconds.
Result<void> set_sizes(ub_ctx* context) {
    constexpr std::pair<const char*, const char*> settings[] = {
        {"outgoing-range:", "512"},        {"outgoing-num-tcp:", "64"},    {"num-queries-per-thread:", "2048"},
        {"rrset-cache-size:", "32m"},      {"msg-cache-size:", "16m"},     {"do-not-query-localhost:", "no"},
        {"cache-max-negative-ttl:", "60"}, {"infra-keep-probing:", "yes"}, {"infra-cache-max-rtt:", "4000"},
    };
    for (const auto& [name, value] : settings) RELEVO_CHECK(checked(ub_ctx_set_option(context, name, value), name));
    return {};
}

Result<void> set_servers(ub_ctx* context, const UnboundOptions& options) {
    if (!options.resolv_conf.empty())
        RELEVO_CHECK(checked(ub_ctx_resolvconf(context, options.resolv_conf.c_str()), options.resolv_conf));
    for (const std::string& forwarder : options.forwarders)
        RELEVO_CHECK(checked(ub_ctx_set_fwd(context, forwarder.c_str()), fmt::format("forwarder \"{}\"", forwarder)));
    for (const Stub& stub : options.stubs)
        RELEVO_CHECK(checked(ub_ctx_set_stub(context, stub.zone.c_str(), stub.address.c_str(), 0),
                             fmt::format("stub \"{}\" at \"{}\"", stub.zone, stub.address)));
    return {};
}

// True if there is any.
Result<bool> set_trust(ub_ctx* context, const UnboundOptions& options) {
    for (const std::string& anchor : options.trust_anchors)
        RELEVO_CHECK(checked(ub_ctx_add_ta(context, anchor.c_str()), fmt::format("trust anchor \"{}\"", anchor)));
    const std::string& file = options.trust_anchor_file;
    if (file.empty() || ::access(file.c_str(), R_OK) != 0) return !options.trust_anchors.empty();
    RELEVO_CHECK(checked(ub_ctx_add_ta_file(context, file.c_str()), file));
    return true;
}

std::string question_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    return to_lower(name);
}

}  // namespace

// Questions of one shard. Answers find it through a weak pointer: it may be gone when they arrive.
class UnboundResolver::View final : public Resolver {
 public:
    View(std::shared_ptr<Engine> engine, Shard& shard) : state_(std::make_shared<State>(std::move(engine), shard)) {}

    Task<Result<dns::Answer>> query(std::string name, dns::RecordType type, Deadline deadline) override;

 private:
    struct Pending {
        explicit Pending(Shard& shard) : arrived(shard) {}
        Ticket ticket = 0;
        unsigned waiting = 0;
        std::optional<Result<dns::Answer>> answer;
        Wakeup arrived;
    };
    struct State {
        State(std::shared_ptr<Engine> state_engine, Shard& state_shard)
            : engine(std::move(state_engine)), shard(state_shard), cache(engine->cache_entries()) {}
        std::shared_ptr<Engine> engine;
        Shard& shard;
        AnswerCache cache;
        std::map<Question, std::shared_ptr<Pending>> pending;  // shared with the coroutines that wait
    };
    static std::shared_ptr<Pending> begin(const std::shared_ptr<State>& state, const Question& question);
    static void arrive(State& state, const Question& question, Ticket ticket, Result<dns::Answer> answer);

    std::shared_ptr<State> state_;
};

Task<Result<dns::Answer>> UnboundResolver::View::query(std::string name, dns::RecordType type, Deadline deadline) {
    const auto state = state_;
    const Question question(question_name(name), type);
    if (question.first.empty() || question.first.size() > name_limit_octets ||
        question.first.find('\0') != std::string::npos)
        co_return failure(ErrorKind::invalid, fmt::format("\"{}\" is not a domain name", printable(name, 80)));
    if (const dns::Answer* known = state->cache.find(question, Clock::now())) co_return *known;

    const auto pending = begin(state, question);
    ++pending->waiting;
    while (!pending->answer && co_await pending->arrived.wait(deadline)) continue;
    --pending->waiting;
    if (pending->answer) co_return *pending->answer;
    if (pending->waiting == 0) {
        state->engine->cancel(pending->ticket);
        state->pending.erase(question);
    }
    co_return failure(ErrorKind::timeout, fmt::format("no answer about {} in time", printable(question.first)));
}

std::shared_ptr<UnboundResolver::View::Pending> UnboundResolver::View::begin(const std::shared_ptr<State>& state,
                                                                             const Question& question) {
    std::shared_ptr<Pending>& pending = state->pending[question];
    if (pending) return pending;
    pending = std::make_shared<Pending>(state->shard);
    auto reply = [weak = std::weak_ptr(state), &shard = state->shard, question = Question(question),
                  weak_pending = std::weak_ptr(pending)](Result<dns::Answer> answer) mutable {
        shard.post([weak = std::move(weak), question = std::move(question), weak_pending = std::move(weak_pending),
                    answer = std::move(answer)]() mutable {
            const auto asking = weak.lock();
            const auto asked = weak_pending.lock();
            if (asking && asked) arrive(*asking, question, asked->ticket, std::move(answer));
        });
    };
    pending->ticket = state->engine->ask(question.first, question.second, std::move(reply));
    return pending;
}

void UnboundResolver::View::arrive(State& state, const Question& question, Ticket ticket, Result<dns::Answer> answer) {
    const auto found = state.pending.find(question);
    if (found == state.pending.end() || found->second->ticket != ticket) return;
    if (answer) state.cache.keep(question, *answer, Clock::now());
    const std::shared_ptr<Pending> pending = found->second;
    state.pending.erase(found);
    pending->answer = std::move(answer);
    pending->arrived.notify_all();
}

std::vector<std::string> zones_of_private_networks() {
    std::vector<std::string> zones = {"test.",
                                      "localhost.",
                                      "10.in-addr.arpa.",
                                      "127.in-addr.arpa.",
                                      "168.192.in-addr.arpa.",
                                      "d.f.ip6.arpa.",
                                      "8.b.d.0.1.0.0.2.ip6.arpa."};
    for (int second = 16; second < 32; ++second) zones.push_back(fmt::format("{}.172.in-addr.arpa.", second));
    return zones;
}

Result<std::unique_ptr<UnboundResolver>> UnboundResolver::make(Shard& home, UnboundOptions options) {
    ContextPointer context(ub_ctx_create(), ub_ctx_delete);
    if (!context) return failure(ErrorKind::io, "resolver: libunbound cannot start");
    RELEVO_CHECK(checked(ub_ctx_async(context.get(), 1), "a thread of its own"));
    RELEVO_CHECK(set_sizes(context.get()));
    RELEVO_CHECK(set_servers(context.get(), options));
    RELEVO_TRY(const bool validates, set_trust(context.get(), options));
    for (const std::string& zone : options.open_zones)  // last: it makes the other settings final
        RELEVO_CHECK(checked(ub_ctx_zone_add(context.get(), zone.c_str(), "transparent"), zone));
    auto engine = std::make_shared<Engine>(home, context.release(), options, validates);
    engine->start();
    return std::unique_ptr<UnboundResolver>(new UnboundResolver(std::move(engine)));
}

UnboundResolver::UnboundResolver(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
UnboundResolver::~UnboundResolver() { engine_->stop(); }

std::unique_ptr<Resolver> UnboundResolver::view(Shard& shard) { return std::make_unique<View>(engine_, shard); }
bool UnboundResolver::validates() const { return engine_->validates(); }

}  // namespace relevo::resolver

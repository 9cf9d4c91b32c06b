#include "app/relevo/crash_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <ranges>
#include <set>

namespace relevo {
namespace {

constexpr std::string_view file_name = "attempts";
constexpr std::size_t slots_beside_connections = 256;

// Tests of crashes set it: an attempt of a message with this text in its content ends the process. Never set it for a
// server that keeps mail.
constexpr const char* test_variable = "RELEVO_TEST_CRASH_ON";

// Of this boot of the machine; empty if the kernel does not tell.
std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

std::int64_t run_number() { return std::chrono::nanoseconds(WallClock::now().time_since_epoch()).count(); }

std::string held_because(std::uint32_t runs) {
    return fmt::format(
        "the server died {} times in a row while this message was being delivered, which may be the reason: report it "
        "with the log of these times, then release or drop it",
        runs);
}

}  // namespace

Result<std::unique_ptr<CrashGuard>> CrashGuard::open(const Configuration& configuration, unsigned shards, Ports ports) {
    // An outcome may be unwritten beside the next attempt of its connection (decision 0008).
    const std::size_t slots = 2 * (configuration.delivery.connections_total / shards + 1) + slots_beside_connections;
    RELEVO_TRY(auto page, SharedPage::open(fmt::format("{}/{}", configuration.server.data_dir, file_name),
                                           attempts_header_octets + shards * slots * attempts_slot_octets));
    std::unique_ptr<CrashGuard> guard(new CrashGuard(std::move(ports), std::move(page)));
    const std::span<std::byte> octets = guard->page_->octets();
    const std::string boot = boot_id();
    const auto cut_off = cut_off_run(octets, boot);
    SuspectCounts suspects;
    RELEVO_CHECK(guard->ports_.store.write([&](Transaction& transaction) -> Result<void> {
        RELEVO_TRY(suspects, cut_off ? count_cut_off(transaction, *cut_off) : load_suspects(transaction));
        return {};
    }));
    guard->ports_.metrics.gauge("relevo_cut_off_start", "1: the run before this one did not end in order")
        .set(cut_off ? 1 : 0);
    if (cut_off)
        guard->ports_.log.error("server.cut_off",
                                {{"attempted", cut_off->attempted.size()},
                                 {"suspects", suspects.size()},
                                 {"problem",
                                  "the run before this one was killed or crashed: what was being delivered "
                                  "then is attempted again, with care"}});
    begin_run(octets, run_number(), boot);
    for (unsigned shard = 0; shard < shards; ++shard) guard->traces_.emplace_back(slots_of(octets, shard, slots));
    guard->suspects_.set(std::move(suspects), [raw = guard.get()](MessageId message) { raw->acquitted(message); });
    if (const char* text = std::getenv(test_variable);
        text != nullptr && *text != '\0') {  // NOLINT(concurrency-mt-unsafe)
        guard->crash_text_ = text;
        guard->ports_.log.error(
            "server.crashes_for_tests",
            {{"problem", fmt::format("{} is set: messages with its text end the process", test_variable)}});
    }
    return guard;
}

std::function<void(const Message&)> CrashGuard::test_hook() const {
    if (crash_text_.empty()) return {};
    return [this](const Message& message) {
        if (message.content->find(crash_text_) != std::string::npos) std::abort();
    };
}

bool CrashGuard::takes(DeliveryId recipient) {
    if (suspects_.count_of(recipient.message) < Suspects::held) return false;
    taken_.emplace_back().id = recipient;
    return true;
}

Task<> CrashGuard::hold_taken() {
    std::set<MessageId> messages;
    for (const DeliveryRow& row : taken_) messages.insert(row.id.message);
    for (const MessageId message : messages) {
        std::vector<DeliveryRow> rows;
        std::ranges::copy_if(taken_, std::back_inserter(rows),
                             [&](const DeliveryRow& row) { return row.id.message == message; });
        const std::uint32_t runs = suspects_.count_of(message);
        const auto held =
            co_await ports_.store.spool().change(std::move(rows), Spool::Change::hold, held_because(runs));
        if (!held.has_value()) {
            // It is not in the queue and stays a suspect: the next start tries again.
            ports_.log.error("store.write_failed", {{"message", message.text()}, {"problem", held.error().detail}});
            continue;
        }
        ports_.log.error("delivery.set_aside", {{"message", message.text()},
                                                {"recipients", held->size()},
                                                {"runs", runs},
                                                {"problem", held_because(runs)}});
        suspects_.acquit(message);
    }
    taken_.clear();
}

void CrashGuard::acquitted(MessageId message) {
    CommitRequest request;
    request.rows = [message](Transaction& transaction, const std::vector<ContentToStore>&) {
        return forget_suspect(transaction, message);
    };
    ports_.store.committer().commit(
        std::move(request), Completer<Result<void>>(ports_.executor, [this, message](Result<void> forgotten) {
            if (!forgotten.has_value())
                ports_.log.error("store.write_failed",
                                 {{"message", message.text()}, {"problem", forgotten.error().detail}});
        }));
}

void CrashGuard::end_in_order() {
    suspects_.close();
    end_run(page_->octets());
}

}  // namespace relevo

#include "core/webhooks/webhooks.h"

#include "core/webhooks/signature.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo {
namespace {
// Each end of a request asks for a round; one serves many, so that the reader's thread has time for others.
constexpr std::chrono::milliseconds least_between_rounds{50};
}  // namespace

Webhooks::Webhooks(Ports ports, WebhookOptions options)
    : ports_(std::move(ports)),
      options_(std::make_shared<const WebhookOptions>(std::move(options))),
      delivered_(
          ports_.metrics.counter("relevo_webhook_attempts_total", "Requests to webhooks.", {{"result", "taken"}})),
      failed_(ports_.metrics.counter("relevo_webhook_attempts_total", "Requests to webhooks.", {{"result", "failed"}})),
      dead_(ports_.metrics.counter("relevo_webhook_dead_total", "Deliveries to webhooks that failed for good.")),
      given_up_(ports_.metrics.counter("relevo_webhook_given_up_total",
                                       "Deliveries to webhooks given up because too many waited.")),
      disabled_(
          ports_.metrics.counter("relevo_webhook_disabled_total", "Webhooks switched off after nothing but failures.")),
      feed_(ports_.committer, ports_.now),
      wakeup_(ports_.shard) {}

Task<> Webhooks::run() {
    while (!is_stopping_) {
        const Deadline began = Clock::now();
        is_asked_ = has_news_ = false;
        const Round last = co_await round();
        if (!is_stopping_ && last.is_idle) co_await wait_for_work(began, last);
    }
}

Task<> Webhooks::wait_for_work(Deadline began, Round last) {
    Deadline due = no_deadline;
    if (last.next_due) {
        const auto pause = std::min<WallClock::duration>(*last.next_due - ports_.now(), longest_wait);
        due = Clock::now() + std::chrono::duration_cast<Clock::duration>(pause);
    }
    while (!is_stopping_ && !is_asked_) {
        const Deadline until = has_news_ ? std::min<Deadline>(due, began + round_time) : due;
        if (Clock::now() >= until) break;
        co_await wakeup_.wait(until);
    }
    if (!is_stopping_) co_await sleep_until(began + least_between_rounds);
}

void Webhooks::stop() {
    is_stopping_ = true;
    wakeup_.notify_all();
}

void Webhooks::wake() {
    ports_.shard.post([this] {
        is_asked_ = true;
        wakeup_.notify_all();
    });
}

void Webhooks::committed() {
    if (!has_endpoints_.load(std::memory_order_relaxed) || is_told_.exchange(true)) return;
    ports_.shard.post([this] {
        is_told_ = false;
        has_news_ = true;
        wakeup_.notify_all();
    });
}

Task<Webhooks::Round> Webhooks::round() {
    // A store that failed is asked again after a while.
    const Round failed{.is_idle = true, .next_due = ports_.now() + round_time};
    const auto fed = co_await feed_.round(options()->pending_limit);
    if (!fed.has_value()) {
        ports_.log.error("webhook.feed_failed", {{"problem", fed.error().detail}});
        co_return failed;
    }
    has_endpoints_ = !fed->webhooks.empty();
    if (fed->given_up > 0) {
        given_up_.add(static_cast<std::uint64_t>(fed->given_up));
        ports_.log.warning("webhook.given_up", {{"deliveries", fed->given_up}});
    }
    const auto found = co_await due(fed->webhooks);
    if (!found.has_value()) {
        ports_.log.error("webhook.feed_failed", {{"problem", found.error().detail}});
        co_return failed;
    }
    for (const auto& [webhook, delivery] : found->now) {
        in_flight_.insert(delivery.id);
        ++in_flight_of_[webhook.id];
        ports_.shard.spawn(send(webhook, delivery));
    }
    co_return Round{.is_idle = fed->events < WebhookFeed::batch_limit, .next_due = found->next};
}

// Each endpoint gets what it has room for, in turn, so that one with a long line does not keep the others waiting. What
// is due and has no room is begun when an attempt ends.
Task<Result<Webhooks::Due>> Webhooks::due(const std::vector<Webhook>& webhooks) {
    Due found;
    const auto now = ports_.now();
    // A copy: the reader's thread must not see what this shard changes meanwhile.
    RELEVO_CO_CHECK(co_await read_rows(
        ports_.committer, [&, in_flight = in_flight_, of = in_flight_of_](Reader& reader) -> Result<void> {
            for (const Webhook& webhook : webhooks) {
                const std::size_t most = webhook.failing_since == WallClock::time_point{} ? at_once_of_one : 1;
                const auto busy = of.find(webhook.id);
                const std::size_t used = busy == of.end() ? 0 : busy->second;
                std::size_t room = most > used ? most - used : 0;
                RELEVO_TRY(const auto later, next_due_delivery(reader, webhook.id, now));
                if (later && (!found.next || *later < *found.next)) found.next = later;
                if (room == 0) continue;
                RELEVO_TRY(const auto rows,
                           due_deliveries(reader, webhook.id, now, static_cast<std::int64_t>(most + used)));
                for (const WebhookDelivery& row : rows) {
                    if (room == 0 || in_flight.contains(row.id)) continue;
                    if (in_flight.size() + found.now.size() >= at_once) return {};
                    found.now.emplace_back(webhook, row);
                    --room;
                }
            }
            return {};
        }));
    co_return found;
}

Task<> Webhooks::send(Webhook webhook, WebhookDelivery delivery) {
    const WebhookId id = webhook.id;
    const WebhookDeliveryId of = delivery.id;
    co_await attempt(std::move(webhook), std::move(delivery));
    in_flight_.erase(of);
    if (--in_flight_of_[id] == 0) in_flight_of_.erase(id);
    is_asked_ = true;
    wakeup_.notify_all();
}

Task<> Webhooks::attempt(Webhook webhook, WebhookDelivery delivery) {
    WebhookAttempt made{.webhook = webhook.id,
                        .delivery = delivery.id,
                        .type = delivery.type,
                        .at = ports_.now(),
                        .attempt = delivery.attempts + 1};
    const Deadline began = Clock::now();
    const Result<Page> page = co_await post(webhook, delivery);
    made.duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    if (!page.has_value() && page.error().kind == ErrorKind::cancelled) co_return;  // after the next start
    if (page.has_value()) {
        made.status = page->status;
        made.answer = printable(page->body, answer_limit_octets);
        if (page->status / 100 != 2) made.problem = fmt::format("the web server answers with status {}", page->status);
    } else {
        made.problem = printable(page.error().detail);
    }
    (made.problem.empty() ? delivered_ : failed_).add();
    co_await write(std::move(made));
}

Task<Result<Page>> Webhooks::post(const Webhook& webhook, const WebhookDelivery& delivery) {
    const Deadline deadline = Clock::now() + post_time_limit;
    const auto settings = options();
    RELEVO_CO_TRY(WebhookTarget target, parse_webhook_url(webhook.url, settings->http));
    const auto now = ports_.now();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
    RELEVO_CO_TRY(const auto secrets, webhook_secrets(ports_.vault, webhook, now));
    RELEVO_CO_TRY(const std::string signature, webhook_signature(secrets, delivery.id.text(), seconds, delivery.body));
    RELEVO_CO_TRY(auto addresses, co_await addresses_of(target.host, deadline));
    PageRequest request{.host = std::move(target.host),
                        .port = target.port,
                        .path = std::move(target.path),
                        .addresses = std::move(addresses),
                        .time_limit = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()),
                        .limit_octets = answer_limit_octets,
                        .post = PostedBody{.content_type = "application/json",
                                           .octets = delivery.body,
                                           .fields = {"webhook-id: " + delivery.id.text(),
                                                      fmt::format("webhook-timestamp: {}", seconds),
                                                      "webhook-signature: " + signature}},
                        .scheme = target.scheme,
                        .long_page = LongPage::cut};
    co_return co_await ports_.pages.fetch(std::move(request));
}

Task<Result<std::vector<dns::IpAddress>>> Webhooks::addresses_of(std::string host, Deadline deadline) {
    std::vector<dns::IpAddress> addresses;
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        RELEVO_CO_TRY(const auto answer, co_await ports_.resolver.query(host, type, deadline));
        for (const dns::IpAddress& address : answer.addresses)
            if (options()->allow_private_addresses || !address.is_special()) addresses.push_back(address);
    }
    if (addresses.empty()) co_return failure(ErrorKind::refused, fmt::format("{} has no public address", host));
    co_return addresses;
}

Task<> Webhooks::write(WebhookAttempt attempt) {
    AttemptEffect effect = AttemptEffect::again;
    CommitRequest request;
    request.rows = [&, disable_after = options()->disable_after](Transaction& transaction,
                                                                 const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(effect, finish_attempt(transaction, attempt, disable_after));
        return {};
    };
    if (const auto written = co_await commit(ports_.committer, std::move(request)); !written.has_value()) {
        ports_.log.error("webhook.not_written", {{"problem", written.error().detail}});
        co_return;
    }
    if (attempt.problem.empty()) co_return;
    if (effect == AttemptEffect::dead) dead_.add();
    if (effect == AttemptEffect::endpoint_disabled) disabled_.add();
    const Level level = effect == AttemptEffect::again ? Level::debug : Level::warning;
    if (ports_.log.enabled(level))
        ports_.log.write(level,
                         effect == AttemptEffect::endpoint_disabled ? "webhook.disabled"
                         : effect == AttemptEffect::dead            ? "webhook.dead"
                                                                    : "webhook.failed",
                         {{"webhook", attempt.webhook.text()},
                          {"delivery", attempt.delivery.text()},
                          {"attempt", attempt.attempt},
                          {"problem", attempt.problem}});
}

Result<void> Webhooks::keep_house(Transaction& transaction, WallClock::time_point now) const {
    return forget_deliveries(transaction, now - options()->keep);
}

}  // namespace relevo

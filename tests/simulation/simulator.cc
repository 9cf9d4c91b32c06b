#include "tests/simulation/simulator.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::simulation {
namespace {

constexpr std::chrono::seconds idle_timeout(10);

}  // namespace

Second& Second::operator+=(const Second& other) {
    attempts += other.attempts;
    accepted += other.accepted;
    refused_for_rate += other.refused_for_rate;
    refused_for_block += other.refused_for_block;
    refused_else += other.refused_else;
    connections = std::max(connections, other.connections);
    learned_rate = other.learned_rate;
    return *this;
}

Simulator::Simulator(shaping::Throttle& throttle, Receiver& receiver, SenderOptions options)
    : throttle_(throttle), receiver_(receiver), options_(options), chance_(options.seed) {}

void Simulator::at(Time time, std::function<void()> what) { events_.push({time, order_++, std::move(what)}); }

void Simulator::wake_at(Time time) {
    if (time >= wake_ && wake_ > now_) return;
    wake_ = time;
    at(time, [] {});
}

void Simulator::run_until(Time end) {
    pump();
    while (!events_.empty() && events_.top().at < end) {
        const Event event = events_.top();
        events_.pop();
        now_ = std::max(now_, event.at);
        event.what();
        pump();
    }
    now_ = end;
    second();
}

bool Simulator::has_message() const {
    if (!retries_.empty() && retries_.top().due <= now_) return true;
    if (options_.offered <= 0) return true;
    const double offered = options_.offered * std::chrono::duration<double>(now_ - start).count();
    return static_cast<double>(made_) < offered;
}

std::uint64_t Simulator::take_message() {
    if (retries_.empty() || retries_.top().due > now_) return ++made_;
    const std::uint64_t message = retries_.top().message;
    retries_.pop();
    return message;
}

void Simulator::pump() {
    while (!idle_.empty() && now_ - idle_.front().since >= idle_timeout) {
        idle_.erase(idle_.begin());
        --open_;
        throttle_.closed(now_);
    }
    while (has_message()) {
        if (!idle_.empty()) {
            if (!throttle_.may_send(now_).granted()) break;
            begin_transaction();
        } else {
            const bool wanted = open_ + opening_ < options_.connections && throttle_.may_send(now_).granted();
            if (!wanted || !throttle_.may_connect(now_).granted()) break;
            open_connection();
        }
    }
    if (const Time next = throttle_.next_change(now_); next != shaping::never)
        wake_at(std::max(next, now_ + std::chrono::microseconds(1)));
    if (!retries_.empty() && retries_.top().due > now_) wake_at(retries_.top().due);
    if (options_.offered > 0 && !has_message())
        wake_at(now_ +
                std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(1 / options_.offered)));
    second().learned_rate = throttle_.state().pace.rate;
}

void Simulator::open_connection() {
    ++opening_;
    throttle_.connecting(now_);
    at(now_ + latency(), [this] {
        --opening_;
        const BounceClass kind = receiver_.greet(now_, open_);
        if (kind != BounceClass::delivered) {
            count(kind);
            throttle_.connection_refused(now_, kind);
            return;
        }
        ++open_;
        throttle_.connected(now_);
        idle_.push_back({now_, 0});
    });
}

void Simulator::begin_transaction() {
    // The one that was used last, so that others may end.
    const std::uint32_t messages = idle_.back().messages;
    idle_.pop_back();
    const std::uint64_t message = take_message();
    throttle_.sent(now_, 1);
    const auto whole = latency();
    at(now_ + whole / 2, [this, messages, message, began = now_, whole] {
        const BounceClass kind = receiver_.reply(now_, message);
        count(kind);
        at(now_ + whole / 2,
           [this, messages, message, began, kind] { end_transaction(messages, message, began, kind); });
    });
}

void Simulator::end_transaction(std::uint32_t messages, std::uint64_t message, Time began, BounceClass kind) {
    throttle_.heard(now_, began, kind);
    if (kind != BounceClass::delivered && bounces::nature_of(kind) != bounces::BounceNature::hard)
        retries_.push({now_ + options_.retry_after, message});
    if (messages + 1 < options_.messages_per_connection) {
        idle_.push_back({now_, messages + 1});
        return;
    }
    --open_;
    throttle_.closed(now_);
}

std::chrono::milliseconds Simulator::latency() {
    std::uniform_int_distribution<std::int64_t> any(options_.least_latency.count(), options_.most_latency.count());
    return std::chrono::milliseconds(any(chance_));
}

Second& Simulator::second() {
    const auto place = static_cast<std::size_t>(std::chrono::floor<std::chrono::seconds>(now_ - start).count());
    while (seconds_.size() <= place) {
        Second next;
        if (!seconds_.empty()) next.learned_rate = seconds_.back().learned_rate;
        seconds_.push_back(next);
    }
    seconds_[place].connections = std::max(seconds_[place].connections, open_);
    return seconds_[place];
}

void Simulator::count(BounceClass kind) {
    Second& counted = second();
    ++counted.attempts;
    switch (kind) {
        case BounceClass::delivered: ++counted.accepted; break;
        case BounceClass::rate_limited:
        case BounceClass::too_many_connections: ++counted.refused_for_rate; break;
        case BounceClass::address_blocked: ++counted.refused_for_block; break;
        default: ++counted.refused_else;
    }
}

Second Simulator::between(std::chrono::seconds from, std::chrono::seconds to) const {
    Second sum;
    const auto end = std::min(static_cast<std::size_t>(to.count()), seconds_.size());
    for (auto place = static_cast<std::size_t>(from.count()); place < end; ++place) sum += seconds_[place];
    return sum;
}

double Simulator::possible_between(std::chrono::seconds from, std::chrono::seconds to) const {
    double sum = 0;
    for (auto at = from; at < to; at += std::chrono::seconds(1)) sum += receiver_.rate(start + at);
    return sum;
}

std::string Simulator::csv() const {
    std::string text =
        "second,attempts,accepted,refused_for_rate,refused_for_block,refused_else,connections,learned,takes\n";
    std::chrono::seconds at(0);
    for (const Second& line : seconds_) {
        text += fmt::format("{},{},{},{},{},{},{},{:.4f},{:.4f}\n", at.count(), line.attempts, line.accepted,
                            line.refused_for_rate, line.refused_for_block, line.refused_else, line.connections,
                            line.learned_rate, receiver_.rate(start + at));
        at += std::chrono::seconds(1);
    }
    return text;
}

}  // namespace relevo::simulation

// scheduling: what the queue costs by itself, as the number of sites grows. Each recipient waits, becomes due, is
// placed in its lane, asks the lane's throttle, is leased and finished. One line of JSON for each number of sites.
#include "core/queue/delivery_queue.h"
#include "core/shaping/throttle.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

using namespace relevo;

namespace {

constexpr std::size_t recipients = 400'000;
constexpr std::size_t tenants = 50;

double nanoseconds_each(std::size_t sites) {
    DeliveryQueue queue;
    const auto route = std::make_shared<Route>();
    const auto source = std::make_shared<EgressSource>();
    source->name = "default";
    const auto limits = std::make_shared<shaping::Limits>();
    std::vector<Destination*> destinations;
    for (std::size_t i = 0; i < sites; ++i) {
        destinations.push_back(&queue.destination("d" + std::to_string(i) + ".test", route));
        Site& site = queue.site("mx" + std::to_string(i) + ".test");
        queue.lead(*destinations.back(), site);
        site.lane(source).throttle = std::make_shared<shaping::Throttle>(limits);
    }
    std::vector<std::uint32_t> flows;
    for (std::size_t i = 0; i < tenants; ++i)
        flows.push_back(queue.flow({.tenant = TenantId{static_cast<std::int64_t>(i + 1)}}));
    const auto now = std::chrono::floor<std::chrono::milliseconds>(WallClock::now());
    std::size_t served = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < recipients; ++i)
        queue.add(*destinations[i * 7919 % sites],
                  {.message = MessageId{static_cast<std::int64_t>(i + 1)}, .flow = flows[i % tenants]},
                  now + std::chrono::milliseconds(1 + i % 1000), now);
    queue.wake(now + std::chrono::seconds(2), [&](Destination& destination) {
        Lane& lane = destination.site->lane(source);
        queue.place(destination, [&](const QueueEntry&) { return &lane; });
        while (lane.throttle->may_send(now).granted()) {
            const auto lease = queue.lease(lane, [](const ReadyEntry&) { return std::size_t{100}; });
            if (!lease) break;
            lane.throttle->sent(now, 1);
            lane.throttle->heard(now, now, bounces::BounceClass::delivered, 1);
            static_cast<void>(queue.finish(destination, lease->message, lease->ordinals));
            ++served;
        }
    });
    const auto took = std::chrono::steady_clock::now() - begin;
    if (served != recipients) return -1;
    return std::chrono::duration<double, std::nano>(took).count() / static_cast<double>(recipients);
}

}  // namespace

int main() {
    for (const std::size_t sites : {10UL, 100UL, 1'000UL, 10'000UL, 100'000UL}) {
        std::vector<double> rounds;
        for (int round = 0; round < 5; ++round) rounds.push_back(nanoseconds_each(sites));
        std::ranges::sort(rounds);
        std::printf("{\"sites\": %zu, \"ns_each\": %.0f, \"best\": %.0f, \"worst\": %.0f}\n", sites, rounds[2],
                    rounds.front(), rounds.back());
        std::fflush(stdout);
    }
}

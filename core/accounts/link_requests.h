// How often people may ask for a link to choose a password, so that nobody fills a mailbox, or the queue, with them.
#pragma once

#include "core/tenancy/rate_limiter.h"
#include "lib/dns/record.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace relevo {

// Counts requests of any 60 minutes: of an address (IPv6: of a /64), for a login, and all together. Bounded: beyond
// `entries_limit` addresses and logins everybody counts as one. Threads: any.
class LinkRequests {
 public:
    static constexpr std::uint64_t of_peer = 10, for_login = 3, of_all = 200;
    static constexpr std::size_t entries_limit = 20'000;

    enum class Verdict : std::uint8_t {
        answer,    // go on
        be_quiet,  // the login has had its share: answer as if it went on, and do nothing
        refuse,    // the peer, or everybody, asks too often: say so
    };
    // The same for logins that exist and for others. `login`: canonical_login(), or whatever was typed.
    [[nodiscard]] Verdict take(const dns::IpAddress& peer, std::string_view login, Clock::time_point now);

 private:
    using Hour = SlidingCount<300, 12>;
    Hour& count_of(std::string key);
    void forget_idle(std::int64_t now);

    std::mutex mutex_;
    std::unordered_map<std::string, Hour> counts_;
    Hour all_;
    std::int64_t swept_at_ = 0;
};

}  // namespace relevo

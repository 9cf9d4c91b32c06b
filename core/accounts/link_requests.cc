#include "core/accounts/link_requests.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace relevo {
namespace {

constexpr std::int64_t sweep_seconds = 300;
constexpr std::size_t longest_login = 320;

// Who has one address of an IPv6 network has them all.
std::string network_of(const dns::IpAddress& peer) {
    constexpr std::size_t network_octets = 8;
    if (peer.is_v4()) return peer.text();
    std::array<std::uint8_t, 16> network{};
    std::ranges::copy(peer.octets().first(network_octets), network.begin());
    return dns::IpAddress::v6(network).text();
}

}  // namespace

LinkRequests::Hour& LinkRequests::count_of(std::string key) {
    const auto found = counts_.find(key);
    if (found != counts_.end()) return found->second;
    return counts_[counts_.size() < entries_limit ? std::move(key) : std::string()];
}

void LinkRequests::forget_idle(std::int64_t now) {
    if (now < swept_at_ + sweep_seconds) return;
    swept_at_ = now;
    std::erase_if(counts_, [now](const auto& entry) { return entry.second.total(now) == 0; });
}

LinkRequests::Verdict LinkRequests::take(const dns::IpAddress& peer, std::string_view login, Clock::time_point now) {
    const std::int64_t at = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    const std::lock_guard lock(mutex_);
    forget_idle(at);
    Hour& peers = count_of("peer " + network_of(peer));
    if (peers.total(at) >= of_peer || all_.total(at) >= of_all) return Verdict::refuse;
    peers.add(at, 1);
    all_.add(at, 1);
    Hour& logins = count_of("login " + std::string(login.substr(0, longest_login)));
    if (logins.total(at) >= for_login) return Verdict::be_quiet;
    logins.add(at, 1);
    return Verdict::answer;
}

}  // namespace relevo

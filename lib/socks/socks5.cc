#include "lib/socks/socks5.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace relevo::socks {
namespace {

constexpr char version = 5;
constexpr char login_version = 1;  // RFC 1929 §2
constexpr char connect_command = 1;
enum class Method : std::uint8_t { none = 0, user_password = 2, unacceptable = 0xff };
enum class AddressType : std::uint8_t { ipv4 = 1, name = 3, ipv6 = 4 };

std::uint8_t octet(std::string_view octets, std::size_t place) { return static_cast<std::uint8_t>(octets[place]); }

template <std::size_t size>
std::array<std::uint8_t, size> address_octets(std::string_view octets) {
    std::array<std::uint8_t, size> result{};
    std::ranges::transform(octets.substr(0, size), result.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
    return result;
}

bool is_unspecified(const dns::IpAddress& address) {
    return std::ranges::all_of(address.octets(), [](std::uint8_t value) { return value == 0; });
}

// What a reply code other than 0 means (§6).
Socks5Failure failure_of(std::uint8_t code) {
    switch (code) {
        case 1: return {false, {ErrorKind::temporary, "general failure"}};
        case 2: return {false, {ErrorKind::refused, "its rules do not allow this connection"}};
        case 3: return {true, {ErrorKind::io, "the network is unreachable"}};
        case 4: return {true, {ErrorKind::io, "the host is unreachable"}};
        case 5: return {true, {ErrorKind::refused, "the connection was refused"}};
        case 6: return {true, {ErrorKind::timeout, "no answer in time"}};  // "TTL expired": what proxies say for it
        case 7: return {false, {ErrorKind::unsupported, "it does not know CONNECT"}};
        case 8: return {false, {ErrorKind::unsupported, "it does not know this address family"}};
        default: return {false, {ErrorKind::temporary, fmt::format("failure {} of its own", code)}};
    }
}

}  // namespace

Socks5Client::Socks5Client(Socks5Request request) : request_(std::move(request)) {
    const bool has_login = !request_.user.empty();
    output_ += version;
    output_ += static_cast<char>(has_login ? 2 : 1);
    output_ += static_cast<char>(Method::none);
    if (has_login) output_ += static_cast<char>(Method::user_password);
}

std::string Socks5Client::take_output() { return std::exchange(output_, {}); }

std::size_t Socks5Client::receive(std::string_view octets) {
    std::size_t taken = 0;
    while (state_ == Socks5State::waiting) {
        const std::string_view rest = octets.substr(taken);
        const std::size_t count = step_ == Step::method  ? take_method(rest)
                                  : step_ == Step::login ? take_login(rest)
                                                         : take_reply(rest);
        if (count == 0) break;
        taken += count;
    }
    return taken;
}

std::size_t Socks5Client::take_method(std::string_view octets) {
    if (octets.empty()) return 0;
    if (octets[0] != version) {
        fail(ErrorKind::invalid, "it does not speak SOCKS5");
        return 0;
    }
    if (octets.size() < 2) return 0;
    const auto method = static_cast<Method>(octet(octets, 1));
    if (method == Method::none) {
        ask();
    } else if (method == Method::user_password && !request_.user.empty()) {
        output_ += login_version;
        output_ += static_cast<char>(request_.user.size());
        output_ += request_.user;
        output_ += static_cast<char>(request_.password.size());
        output_ += request_.password;
        step_ = Step::login;
    } else if (method == Method::unacceptable) {
        fail(ErrorKind::refused,
             request_.user.empty() ? "it wants a login: add proxy_user" : "it takes neither our login nor none");
    } else {
        fail(ErrorKind::invalid, "it chose a method that was not offered");
    }
    return 2;
}

std::size_t Socks5Client::take_login(std::string_view octets) {
    if (octets.size() < 2) return 0;
    // The version is 1 by RFC 1929 §2; some proxies say 5, and what counts stands behind it.
    if (octets[1] == 0)
        ask();
    else
        fail(ErrorKind::refused, "it refuses the login");
    return 2;
}

std::size_t Socks5Client::take_reply(std::string_view octets) {
    if (octets.empty()) return 0;
    if (octets[0] != version) {
        fail(ErrorKind::invalid, "its reply is not SOCKS5");
        return 0;
    }
    if (octets.size() < 2) return 0;
    // The address behind a failure means nothing, and some proxies leave it out.
    if (const std::uint8_t code = octet(octets, 1); code != 0) {
        state_ = Socks5State::failed;
        failure_ = failure_of(code);
        return 2;
    }
    if (octets.size() < 5) return 0;
    const auto type = static_cast<AddressType>(octet(octets, 3));
    const std::size_t length = type == AddressType::ipv4   ? 4
                               : type == AddressType::ipv6 ? 16
                               : type == AddressType::name ? std::size_t{1} + octet(octets, 4)
                                                           : 0;
    if (length == 0) {
        fail(ErrorKind::invalid, "its reply has an address of an unknown kind");
        return 0;
    }
    const std::size_t whole = 4 + length + 2;
    if (octets.size() < whole) return 0;
    if (type == AddressType::ipv4) bound_ = dns::IpAddress::v4(address_octets<4>(octets.substr(4)));
    if (type == AddressType::ipv6) bound_ = dns::IpAddress::v6(address_octets<16>(octets.substr(4)));
    if (bound_ && is_unspecified(*bound_)) bound_.reset();
    state_ = Socks5State::connected;
    return whole;
}

void Socks5Client::fail(ErrorKind kind, std::string detail) {
    state_ = Socks5State::failed;
    failure_ = {.is_targets = false, .error = {kind, std::move(detail)}};
}

void Socks5Client::ask() {
    step_ = Step::request;
    output_ += version;
    output_ += connect_command;
    output_ += '\0';
    output_ += static_cast<char>(request_.address.is_v4() ? AddressType::ipv4 : AddressType::ipv6);
    for (const std::uint8_t value : request_.address.octets()) output_ += static_cast<char>(value);
    output_ += static_cast<char>(request_.port >> 8U);
    output_ += static_cast<char>(request_.port & 0xffU);
}

}  // namespace relevo::socks

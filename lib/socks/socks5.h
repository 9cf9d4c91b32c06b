// SOCKS5 as a client (RFC 1928), with user and password (RFC 1929): CONNECT to an IP address, no I/O.
#pragma once

#include "lib/base/result.h"
#include "lib/dns/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::socks {

struct Socks5Request {
    dns::IpAddress address;
    std::uint16_t port = 0;
    // Of 1..255 octets each; both empty: no login is offered. Passwords cross the wire in clear (RFC 1929 §2).
    std::string user, password;
};

enum class Socks5State : std::uint8_t {
    waiting,    // write take_output(), then give receive() more
    connected,  // what follows is the target's
    failed,     // see failure()
};

struct Socks5Failure {
    // The target's: the proxy tried to connect and could not. Else the proxy's: it refused us or does not speak SOCKS5.
    bool is_targets = false;
    Error error;  // of the target: refused, timeout, io. Of the proxy: invalid – not SOCKS5; refused, unsupported,
                  // temporary
};

class Socks5Client {
 public:
    explicit Socks5Client(Socks5Request request);

    [[nodiscard]] Socks5State state() const { return state_; }
    // What to write before waiting; "" if nothing.
    [[nodiscard]] std::string take_output();
    // Takes whole replies from the beginning of `octets` and returns how many octets those were; 0: more must come, and
    // the same octets be given again. Never takes what is behind the last reply.
    std::size_t receive(std::string_view octets);
    // A reply never has more octets: §6, with a domain name of 255.
    static constexpr std::size_t reply_limit_octets = 262;

    // Whether the proxy has been asked to connect: if time runs out now, it is the target that does not answer.
    [[nodiscard]] bool has_asked() const { return step_ == Step::request; }
    // The address that the proxy connected from, if it told one (BND.ADDR, §6).
    [[nodiscard]] const std::optional<dns::IpAddress>& bound() const { return bound_; }
    [[nodiscard]] const Socks5Failure& failure() const { return failure_; }

 private:
    enum class Step : std::uint8_t { method, login, request };
    std::size_t take_method(std::string_view octets);
    std::size_t take_login(std::string_view octets);
    std::size_t take_reply(std::string_view octets);
    void fail(ErrorKind kind, std::string detail);
    void ask();

    Socks5Request request_;
    Step step_ = Step::method;
    Socks5State state_ = Socks5State::waiting;
    std::string output_;
    std::optional<dns::IpAddress> bound_;
    Socks5Failure failure_;
};

}  // namespace relevo::socks

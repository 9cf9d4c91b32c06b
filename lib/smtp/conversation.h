// Test support: a scripted client, to read like the conversation that it is.
//
//     Conversation peer;
//     peer.sends("EHLO a.example").expects(250).sends("DATA").expects(503);
//
// When it ends it is run again octet by octet and with random cuts: the steps and the output must be the same.
#pragma once

#include "lib/smtp/server_session_driver.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>

namespace relevo::smtp {

inline ServerOptions options_for_tests() {
    ServerOptions options;
    options.host_name = "mx.example";
    return options;
}

class Conversation {
 public:
    explicit Conversation(ServerOptions options = options_for_tests(), TlsOffer tls = TlsOffer::none,
                          Verdicts verdicts = {})
        : options_(std::make_unique<ServerOptions>(std::move(options))),
          tls_(tls),
          verdicts_(std::move(verdicts)),
          driver_(*options_, tls, verdicts_) {
        expects(220);
    }
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;
    ~Conversation() { EXPECT_NO_FATAL_FAILURE(compare_with_other_cuts()); }

    // One line; CRLF is added.
    Conversation& sends(std::string_view line) { return sends_octets(std::string(line) + "\r\n"); }
    // Octets as they are, in one write.
    Conversation& sends_octets(std::string_view octets) {
        groups_.emplace_back(octets);
        driver_.send(octets, whole);
        return *this;
    }

    // The next reply begins with `beginning`, after its code with or without the status ("550", "550 5.6.11").
    Conversation& expects(std::string_view beginning) {
        const std::string reply = next_reply();
        EXPECT_NE(reply, "") << "no reply" << after();
        std::string last = reply.substr(reply.empty() ? 0 : reply.rfind('\n', reply.size() - 2) + 1);
        if (last.size() > 3) last[3] = ' ';
        EXPECT_TRUE(last.starts_with(beginning)) << "expected " << beginning << ", got: " << reply << after();
        return *this;
    }
    Conversation& expects(int code) { return expects(std::to_string(code)); }
    // The next reply has `part` in one of its lines.
    Conversation& expects_text(std::string_view part) {
        const std::string reply = next_reply();
        EXPECT_NE(reply.find(part), std::string::npos) << "expected " << part << ", got: " << reply << after();
        return *this;
    }
    Conversation& expects_silence() {
        EXPECT_EQ(driver_.output().substr(read_), "") << after();
        return *this;
    }
    Conversation& expects_close(std::string_view reason) {
        expects_silence();
        EXPECT_TRUE(driver_.is_closed()) << after();
        EXPECT_NE(driver_.close_reason().find(reason), std::string::npos) << driver_.close_reason();
        return *this;
    }
    // EHLO, MAIL and RCPT, each answered well.
    Conversation& begins_transaction(std::string_view mail = "MAIL FROM:<a@example.com>") {
        return sends("EHLO client.example")
            .expects(250)
            .sends(mail)
            .expects(250)
            .sends("RCPT TO:<b@example.net>")
            .expects(250);
    }

    [[nodiscard]] const std::string& steps() const { return driver_.steps(); }
    [[nodiscard]] const std::vector<ServerSessionDriver::Message>& messages() const { return driver_.messages(); }
    [[nodiscard]] ServerSession& session() { return driver_.session(); }
    [[nodiscard]] bool is_closed() const { return driver_.is_closed(); }

 private:
    static std::size_t whole(std::size_t available) { return available; }

    // With its CRLFs; empty if there is none.
    std::string next_reply() {
        const std::size_t begin = read_;
        for (const std::string& output = driver_.output(); read_ < output.size();) {
            const bool last = output.size() - read_ > 3 && output[read_ + 3] == ' ';
            read_ = output.find("\r\n", read_) + 2;
            if (last) break;
        }
        return driver_.output().substr(begin, read_ - begin);
    }

    [[nodiscard]] std::string after() const {
        return groups_.empty() ? std::string(" to the greeting") : " after: " + groups_.back().substr(0, 200);
    }

    void compare_with_other_cuts() const {
        if (driver_.was_early()) return;
        compare_with([](std::size_t) { return std::size_t{1}; }, "octet by octet");
        std::mt19937 random(groups_.size());
        for (int round = 0; round < 3; ++round)
            compare_with(
                [&](std::size_t available) {
                    return std::uniform_int_distribution<std::size_t>(1, std::min<std::size_t>(available, 40))(random);
                },
                "cut at random");
    }

    void compare_with(const Chunking& chunking, const char* how) const {
        ServerSessionDriver other(*options_, tls_, verdicts_);
        for (const std::string& group : groups_) other.send(group, chunking);
        EXPECT_EQ(other.steps(), driver_.steps()) << how;
        EXPECT_EQ(other.output(), driver_.output()) << how;
    }

    std::unique_ptr<ServerOptions> options_;
    TlsOffer tls_;
    Verdicts verdicts_;
    ServerSessionDriver driver_;
    std::vector<std::string> groups_;
    std::size_t read_ = 0;  // in the output
};

}  // namespace relevo::smtp

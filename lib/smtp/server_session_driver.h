// Test support: drives a ServerSession with given verdicts and writes down all that happens. Used by tests and fuzzers
// only.
#pragma once

#include "lib/base/octets.h"
#include "lib/smtp/server_session.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace relevo::smtp {

// What the driver answers. The same question must always get the same answer, so that runs can be compared.
struct Verdicts {
    std::function<Reply(const JudgeSender&)> sender = [](const JudgeSender&) {
        return Reply{250, EnhancedStatus{2, 1, 0}, "Sender ok"};
    };
    std::function<Reply(const mail::Recipient&)> recipient = [](const mail::Recipient&) {
        return Reply{250, EnhancedStatus{2, 1, 5}, "Recipient ok"};
    };
    Reply content = {250, EnhancedStatus{2, 0, 0}, "Go on"};
    Reply message = {250, EnhancedStatus{2, 0, 0}, "Accepted"};
    std::vector<std::string> challenges = {""};  // an initial response answers the first
    Reply authentication = {235, EnhancedStatus{2, 7, 0}, "Logged in"};
};

// Says how many of `available` octets arrive together next: at least 1.
using Chunking = std::function<std::size_t(std::size_t available)>;

class ServerSessionDriver {
 public:
    struct Message {
        mail::Envelope envelope;
        std::string content;
    };

    ServerSessionDriver(const ServerOptions& options, TlsOffer tls, Verdicts verdicts)
        : session_(options, tls), verdicts_(std::move(verdicts)) {
        session_.greet();
        run();
    }

    // Octets that the client sends without waiting for an answer.
    void send(std::string_view octets, const Chunking& chunking) {
        drop_rest_ = false;
        while (!octets.empty() && !closed_ && !drop_rest_) {
            const std::size_t size = chunking(octets.size());
            session_.receive(as_octets(octets.substr(0, size)));
            octets.remove_prefix(size);
            run();
        }
    }

    void end(const Reply& reply) {
        session_.end(reply);
        run();
    }

    [[nodiscard]] ServerSession& session() { return session_; }
    [[nodiscard]] const std::string& output() const { return output_; }    // all that was written
    [[nodiscard]] const std::string& steps() const { return steps_; }      // one line per step, content joined
    [[nodiscard]] const std::string& content() const { return content_; }  // of the message that is arriving
    [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
    [[nodiscard]] bool is_closed() const { return closed_; }
    [[nodiscard]] const std::string& close_reason() const { return close_reason_; }
    // The client did not wait where it must: then the result may depend on what arrives when.
    [[nodiscard]] bool was_early() const { return close_reason_.starts_with("octets sent before"); }

 private:
    void run() {
        while (!closed_ && perform(session_.next())) {
        }
        output_ += session_.take_output();
    }

    // False: the session waits.
    bool perform(const ServerStep& step) {
        return std::visit([this](const auto& what) { return take(what); }, step);
    }

    bool take(const NeedBytes& /*step*/) { return false; }
    bool take(const StartTls& /*step*/) {
        note("tls");
        drop_rest_ = true;
        output_ += session_.take_output();
        session_.tls_started();
        return true;
    }
    bool take(const AuthenticationStarted& step) {
        note("auth " + step.mechanism + (step.has_initial_response ? " with " + step.initial_response : ""));
        round_ = step.has_initial_response ? 1 : 0;
        return authenticate();
    }
    bool take(const AuthenticationResponse& step) {
        note("response " + step.octets);
        ++round_;
        return authenticate();
    }
    bool take(const AuthenticationAborted& /*step*/) { return note("auth aborted"); }
    bool take(const Greeted& step) { return note((step.extended ? "ehlo " : "helo ") + step.name); }
    bool take(const JudgeSender& step) {
        note("sender <" + step.envelope->reverse_path.text() + "> size " + std::to_string(step.announced_size) +
             " auth " + step.authorization);
        content_.clear();
        session_.answer(verdicts_.sender(step));
        return true;
    }
    bool take(const JudgeRecipient& step) {
        note("recipient <" + step.recipient->address.text() + "> " + step.recipient->original_recipient);
        session_.answer(verdicts_.recipient(*step.recipient));
        return true;
    }
    bool take(const BeginContent& /*step*/) {
        note("begin");
        session_.answer(verdicts_.content);
        return true;
    }
    bool take(const Content& step) {
        content_ += as_text(step.octets);
        return true;
    }
    bool take(const EndContent& /*step*/) {
        note("end of " + std::to_string(content_.size()) + ": " + content_);
        messages_.push_back({session_.take_envelope(), std::exchange(content_, std::string())});
        session_.answer(verdicts_.message);
        return true;
    }
    bool take(const TransactionEnded& step) {
        note("ended by " + step.reason + " after: " + content_);
        content_.clear();
        return true;
    }
    bool take(const Close& step) {
        close_reason_ = step.reason;
        closed_ = true;
        note("close " + step.reason);
        return false;
    }

    bool authenticate() {
        if (round_ < verdicts_.challenges.size())
            session_.challenge(verdicts_.challenges[round_]);
        else
            session_.answer(verdicts_.authentication);
        return true;
    }

    bool note(const std::string& line) {
        steps_.append(line).append("\n");
        return true;
    }

    ServerSession session_;
    Verdicts verdicts_;
    std::size_t round_ = 0;
    std::string output_;
    std::string steps_;
    std::string content_;
    std::vector<Message> messages_;
    std::string close_reason_;
    bool closed_ = false;
    bool drop_rest_ = false;
};

}  // namespace relevo::smtp

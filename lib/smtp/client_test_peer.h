// A scripted server for the tests of ClientSession: the conversation reads top down.
#pragma once

#include "lib/base/octets.h"
#include "lib/smtp/client_session.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::smtp {

inline mail::Address test_address(std::string_view text) {
    return mail::Address::parse(text, mail::Utf8::allowed).value();
}

// An envelope that stays where it is, and the transaction that points into it.
struct TestMail {
    mail::Envelope envelope;
    std::string content = "Subject: test\r\n\r\nbody\r\n";

    TestMail(std::string_view sender, const std::vector<std::string_view>& recipients) {
        if (!sender.empty()) envelope.reverse_path = mail::ReversePath(test_address(sender));
        for (const std::string_view recipient : recipients)
            envelope.recipients.push_back({.address = test_address(recipient), .notify = {}, .original_recipient = {}});
    }
    [[nodiscard]] Transaction transaction() const {
        Transaction transaction{.envelope = &envelope, .recipients = {}, .content = content};
        for (const mail::Recipient& recipient : envelope.recipients) transaction.recipients.push_back(&recipient);
        return transaction;
    }
};

template <class Step>
[[nodiscard]] bool is(const ClientStep& step) {
    return std::holds_alternative<Step>(step);
}

class TestPeer {
 public:
    explicit TestPeer(ClientOptions options = {})
        : session_(std::make_unique<ClientSession>(named(std::move(options)))) {}

    ClientSession& session() { return *session_; }

    // The server writes `lines`, each ended by CRLF here.
    TestPeer& says(std::string_view lines) { return writes(std::string(lines) + "\r\n"); }
    TestPeer& writes(std::string_view octets) {
        session_->receive(as_octets(octets));
        return *this;
    }
    // What the client wrote since the last look, after its next step.
    TestPeer& expects(std::string_view output) {
        (void)session_->next();
        EXPECT_EQ(session_->take_output(), output);
        return *this;
    }
    template <class Step>
    TestPeer& reaches() {
        EXPECT_TRUE(is<Step>(session_->next()))
            << "stage " << name_of(session_->stage()) << ": " << session_->failure().detail;
        return *this;
    }
    // Greeting and EHLO with these extensions ("PIPELINING\nSIZE 1000"), up to ClientReady.
    TestPeer& opens(std::string_view extensions = {}) {
        says("220 mx.example ESMTP").expects("EHLO relevo.example\r\n");
        std::string reply = "mx.example";
        if (!extensions.empty()) reply.append("\n").append(extensions);
        std::string wire;
        append_wire(wire, {.code = 250, .status = std::nullopt, .text = reply});
        return writes(wire).reaches<ClientReady>();
    }
    TestPeer& begins(const TestMail& mail) {
        session_->begin(mail.transaction());
        return *this;
    }
    // Takes all content in pieces and ends it.
    std::string takes_content(std::size_t piece_octets = 4096) {
        EXPECT_TRUE(is<ClientSendContent>(session_->next()));
        std::string all;
        for (std::string piece = session_->next_content_piece(piece_octets); !piece.empty();
             piece = session_->next_content_piece(piece_octets)) {
            EXPECT_LE(piece.size(), piece_octets);
            all += piece;
        }
        session_->content_sent();
        return all;
    }
    // "accepted end of data: 250 2.0.0 Ok"
    [[nodiscard]] std::string result(std::size_t recipient = 0) const {
        const RecipientResult& result = session_->results().at(recipient);
        return std::string(result.accepted ? "accepted " : "refused ") + std::string(name_of(result.stage)) + ": " +
               result.reply.one_line();
    }

 private:
    static ClientOptions named(ClientOptions options) {
        if (options.client_name.empty()) options.client_name = "relevo.example";
        return options;
    }
    std::unique_ptr<ClientSession> session_;
};

}  // namespace relevo::smtp

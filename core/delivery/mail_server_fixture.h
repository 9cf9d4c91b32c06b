// The mail server at the other end of a delivery: says what a script tells it, keeps what it is given.
#pragma once

#include "adapters/memory/stream.h"
#include "lib/base/octets.h"
#include "lib/base/text.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace relevo::test {

// What a server says where it should not just be friendly.
struct ServerScript {
    std::string greeting = "220 mx.example ESMTP";
    std::vector<std::string> extensions{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"};
    // By the beginning of the command, the longest that fits; "." is the end of data, ". <address>" LMTP's for one
    // recipient. Instead of a reply: "close" ends the connection, "silence" waits.
    std::map<std::string, std::string> replies;
    bool closes_after_message = false;
};

// Threads: one shard's. Must outlive the deliveries.
class MailServer {
 public:
    explicit MailServer(Shard& shard, ServerScript with = {}) : script(std::move(with)), shard_(shard) {}

    void listen(MemoryDialer& dialer, std::string_view ip, std::uint16_t port = 25, MemoryStreamOptions options = {}) {
        dialer.listen(
            {.address = dns::IpAddress::parse(ip).value(), .port = port},
            [this](std::unique_ptr<Stream> stream) { shard_.spawn(serve(std::move(stream))); }, std::move(options));
    }
    // Ends every connection, as a server does with idle ones.
    void close_connections() {
        for (const auto& stream : std::exchange(open_, {})) stream->close();
    }
    // Says something to each connection, whatever the script says.
    void speak(std::string line) {
        for (const auto& stream : open_)
            shard_.spawn([](std::shared_ptr<Stream> to, std::string wire) -> Task<> {
                const auto ignored = co_await to->write(wire, no_deadline);
                static_cast<void>(ignored);
            }(stream, line + "\r\n"));
    }
    [[nodiscard]] std::size_t count(std::string_view command) const {
        std::size_t found = 0;
        for (const std::string& line : commands) found += line.starts_with(command) ? 1U : 0U;
        return found;
    }
    [[nodiscard]] std::size_t open_connections() const { return open_.size(); }

    struct Mail {
        std::string sender;  // the argument of MAIL FROM:, parameters included
        std::vector<std::string> recipients;
        std::string content;  // dots still stuffed
        bool tls = false;
    };
    ServerScript script;
    std::vector<Mail> mails;
    std::vector<std::string> commands;
    int connections = 0;

 private:
    // One connection. Its coroutine owns it.
    struct Talk {
        std::shared_ptr<Stream> stream;
        std::string input;
        Mail mail;
        bool lmtp = false;
    };

    static Task<bool> fill(Talk& talk) {
        const auto octets = co_await talk.stream->read(no_deadline);
        if (!octets.has_value()) co_return false;
        talk.input += as_text(*octets);
        co_return true;
    }
    // Up to and without `end`, which is taken too; nothing when the client has gone.
    static Task<std::optional<std::string>> read_to(Talk& talk, std::string_view end) {
        std::size_t at = 0;
        while ((at = talk.input.find(end)) == std::string::npos)
            if (!co_await fill(talk)) co_return std::nullopt;
        std::string text = talk.input.substr(0, at);
        talk.input.erase(0, at + end.size());
        co_return text;
    }
    // False: the script ended the connection, or the client did.
    static Task<bool> say(Talk& talk, std::string reply) {
        if (reply == "close") co_return false;
        if (reply == "silence") co_return true;
        std::string wire;
        for (const std::string_view line : split(reply, '\n')) wire += std::string(line) + "\r\n";
        const auto written = co_await talk.stream->write(wire, no_deadline);
        co_return written.has_value();
    }
    static std::vector<std::string_view> split(std::string_view text, char separator) {
        std::vector<std::string_view> parts;
        for (std::size_t at = 0; at <= text.size();) {
            const std::size_t end = std::min(text.find(separator, at), text.size());
            parts.push_back(text.substr(at, end - at));
            at = end + 1;
        }
        return parts;
    }

    [[nodiscard]] std::string reply_to(const std::string& command, std::string usual) const {
        std::size_t longest = 0;
        for (const auto& [beginning, reply] : script.replies) {
            if (beginning.size() <= longest || !command.starts_with(beginning)) continue;
            longest = beginning.size();
            usual = reply;
        }
        return usual;
    }
    [[nodiscard]] std::string hello() const {
        std::string reply = "250";
        reply += script.extensions.empty() ? " mx.example" : "-mx.example";
        for (std::size_t i = 0; i < script.extensions.size(); ++i)
            reply += std::string("\n250") + (i + 1 == script.extensions.size() ? " " : "-") + script.extensions[i];
        return reply;
    }

    Task<> serve(std::unique_ptr<Stream> stream) {
        ++connections;
        Talk talk{.stream = std::move(stream), .input = {}, .mail = {}};
        open_.push_back(talk.stream);
        if (co_await say(talk, script.greeting))
            while (co_await answer_one(talk)) {
            }
        std::erase(open_, talk.stream);
        talk.stream->close();
    }

    Task<bool> answer_one(Talk& talk) {
        const auto line = co_await read_to(talk, "\r\n");
        if (!line) co_return false;
        const std::string& command = *line;
        commands.push_back(command);
        const std::string verb = to_upper(command.substr(0, 4));
        if (verb == "EHLO" || verb == "LHLO") {
            talk.lmtp = verb == "LHLO";
            co_return co_await say(talk, reply_to(command, hello()));
        }
        if (verb == "STAR") co_return co_await start_tls(talk, command);
        if (verb == "MAIL") talk.mail = {.sender = command.substr(10), .recipients = {}, .content = {}};
        if (verb == "RSET") talk.mail = {};
        if (verb == "AUTH") co_return co_await say(talk, reply_to(command, "235 2.7.0 Welcome"));
        if (verb == "DATA") co_return co_await take_content(talk, command);
        if (verb == "QUIT") {
            co_await say(talk, reply_to(command, "221 2.0.0 Bye"));
            co_return false;
        }
        const std::string reply = reply_to(command, "250 2.1.0 Ok");
        if (verb == "RCPT" && reply.starts_with("25")) talk.mail.recipients.push_back(command.substr(8));
        co_return co_await say(talk, reply);
    }

    Task<bool> start_tls(Talk& talk, std::string command) {
        const std::string reply = reply_to(command, "220 2.0.0 Go ahead");
        const bool said = co_await say(talk, reply);
        if (!said || !reply.starts_with("220")) co_return said;
        const auto info = co_await talk.stream->start_tls_server(Clock::now() + std::chrono::seconds(5));
        co_return info.has_value();
    }

    Task<bool> take_content(Talk& talk, std::string command) {
        const std::string reply =
            reply_to(command, talk.mail.recipients.empty() ? "554 5.5.1 No valid recipients" : "354 Go ahead");
        const bool said = co_await say(talk, reply);
        if (!said || !reply.starts_with("354")) co_return said;
        auto content = co_await read_to(talk, "\r\n.\r\n");
        if (!content) co_return false;
        talk.mail.content = *content + "\r\n";
        talk.mail.tls = talk.stream->tls() != nullptr;
        mails.push_back(talk.mail);
        bool open = true;
        if (!talk.lmtp) {
            open = co_await say(talk, reply_to(".", "250 2.0.0 Taken"));
        } else {
            for (const std::string& recipient : talk.mail.recipients)
                open = open && co_await say(talk, reply_to(". " + recipient, "250 2.0.0 Taken"));
        }
        co_return open && !script.closes_after_message;
    }
    static std::string to_upper(std::string text) {
        for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        return text;
    }

    Shard& shard_;
    std::vector<std::shared_ptr<Stream>> open_;  // shared with the coroutines that serve them
};

}  // namespace relevo::test

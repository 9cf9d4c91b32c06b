// `relevo sink`: a mail server for trying things. Takes everything, shows and stores it, misbehaves on demand.
#pragma once

#include "adapters/net/listener.h"
#include "app/cli/commands.h"
#include "lib/smtp/server_session.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace relevo {

// Threads: one shard's; run() is that shard's thread.
class Sink {
 public:
    explicit Sink(cli::SinkOptions options);
    // Errors: conflict – an address is in use; io – the maildir cannot be written.
    Result<void> open();
    // Until SIGINT, SIGTERM or `count` messages.
    void run();

 private:
    class Conversation;
    friend class Conversation;
    struct Fault {
        bool drop = false;
        smtp::Reply reply;
    };
    Task<> converse(std::unique_ptr<Stream> stream);
    // What to do wrong at this stage, this time.
    [[nodiscard]] const cli::SinkFault* fault_at(cli::SinkStage stage);
    [[nodiscard]] bool greylisted(const std::string& sender, const std::string& recipient);
    Result<std::string> store(const std::string& content);
    void take(const mail::Envelope& envelope, const std::string& content, const Stream& stream);

    cli::SinkOptions options_;
    smtp::ServerOptions session_options_;
    Shard shard_{0};
    std::shared_ptr<net::ShardSockets> sockets_;
    std::shared_ptr<net::TlsServerContext> tls_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::map<std::string, Deadline> first_seen_;  // for greylisting
    std::mt19937_64 chance_{std::random_device{}()};
    std::uint64_t taken_ = 0;
};

}  // namespace relevo

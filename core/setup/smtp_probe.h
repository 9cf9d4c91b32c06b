// A conversation that only looks: greeting, commands, replies, over a stream that somebody connected.
#pragma once

#include "core/ports/stream.h"
#include "lib/smtp/reply.h"

#include <memory>
#include <string>

namespace relevo::setup {

// Threads: one shard's.
class SmtpProbe {
 public:
    explicit SmtpProbe(std::unique_ptr<Stream> stream, Deadline deadline)
        : stream_(std::move(stream)), deadline_(deadline) {}

    // The next reply. Errors: timeout, closed; invalid – not SMTP; limit – a reply over 8 KiB.
    Task<Result<smtp::Reply>> read_reply();
    // Sends one line, CRLF added, and reads its reply.
    Task<Result<smtp::Reply>> say(std::string line);
    // TLS at once; without options no look at the certificate. Errors: those of Stream::start_tls_client().
    Task<Result<TlsInfo>> start_tls(TlsClientOptions options = {});

 private:
    std::unique_ptr<Stream> stream_;
    Deadline deadline_;
    std::string received_;
};

}  // namespace relevo::setup

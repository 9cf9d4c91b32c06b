// Where the answers of a look-up come from: the network, or a file.
#pragma once

#include "app/cli/commands.h"
#include "lib/dns/inquiry.h"

#include <chrono>
#include <memory>
#include <string>

namespace relevo::lookups {

inline constexpr std::chrono::seconds total_time{20};  // for all that one command waits for (RFC 7208 §4.6.4)

// Answers one question after the other, for dns::run(). Threads: one.
class DnsSource {
 public:
    virtual ~DnsSource() = default;
    // As dns::ask() promises.
    [[nodiscard]] virtual Result<dns::Answer> answer(const dns::Question& question) = 0;
    // The network may be used.
    [[nodiscard]] virtual bool is_live() const = 0;
    // "Secure" can be told from "insecure".
    [[nodiscard]] virtual bool validates() const = 0;
    // When the command must end.
    [[nodiscard]] virtual std::chrono::steady_clock::time_point deadline() const = 0;

    template <class T>
    [[nodiscard]] T run(dns::Inquiry<T> inquiry) {
        return dns::run(std::move(inquiry), [this](const dns::Question& question) { return answer(question); });
    }
};

// The file options.dns_file if one is named, else the servers of options.dns, else those of /etc/resolv.conf.
// Errors: io – the file cannot be read. invalid – it has a mistake (detail names file and line), or options.dns has.
[[nodiscard]] Result<std::unique_ptr<DnsSource>> open_dns(const cli::LookupOptions& options);

// A table in memory, for tests and --dns.
[[nodiscard]] Result<std::unique_ptr<DnsSource>> dns_from_text(std::string_view text);

}  // namespace relevo::lookups

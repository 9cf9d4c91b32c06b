// Pages over HTTPS, for what mail publishes on the web (RFC 8461 §3.3) and takes there (RFC 8460 §5.4), and for what
// programs are told, and for authorities that give certificates. Implemented by adapters/https.
#pragma once

#include "core/ports/task.h"
#include "lib/base/octets.h"
#include "lib/dns/record.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

// What is sent with POST.
struct PostedBody {
    std::string content_type;  // "application/tlsrpt+gzip"
    std::string octets;
    std::vector<std::string> fields{};  // more of the request: "webhook-id: 1"
};
enum class WebScheme : std::uint8_t { https, http };
// What becomes of a page over its limit.
enum class LongPage : std::uint8_t { refused, cut };
inline constexpr Octets posted_limit = 10 * mebibyte;

struct PageRequest {
    std::string host;  // A-labels
    std::uint16_t port = 443;
    std::string path;                              // "/.well-known/mta-sts.txt"
    std::vector<dns::IpAddress> addresses;         // of the host: no resolver is asked
    std::chrono::milliseconds time_limit{10'000};  // for all of it
    std::size_t limit_octets = 64UL * 1024;
    std::optional<PostedBody> post{};  // nothing: GET
    WebScheme scheme = WebScheme::https;
    LongPage long_page = LongPage::refused;
    std::string trust_file{};                  // PEM certificates to trust instead of the system's
    std::vector<std::string> wanted_fields{};  // of the answer: "replay-nonce"; lower case
};

struct Page {
    static constexpr std::size_t field_limit_octets = 4096;
    long status = 0;           // 200, 404; a redirect is not followed
    std::string content_type;  // "text/plain; charset=utf-8"
    std::string body;
    std::map<std::string, std::string>
        fields{};  // those that were wanted and came, each once: the last; no longer ones
};

class WebPages {
 public:
    virtual ~WebPages() = default;
    // The certificate must be valid for the host by the system's trust store, or by the request's own. Threads: any
    // shard; resumes there. Errors: closed – no connection, or no TLS over it. refused – a certificate that does not
    // verify. timeout. limit – the page is larger, or what should be posted is. not_found – no addresses. full – too
    // many are being fetched. cancelled – the server is stopping. io – anything else.
    virtual Task<Result<Page>> fetch(PageRequest request) = 0;
};

}  // namespace relevo

// What a web client asks and what it gets: values, and the handler that makes one of the other. adapters/net has the
// server.
#pragma once

#include "core/ports/stream.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method{};  // "GET"
    std::string target{};  // as sent: "/metrics?x=1"
    HttpFields fields{};   // in order; names in the sender's case
    std::string body{};
    Endpoint peer{};
    std::string tls{};       // "TLSv1.3:TLS_AES_256_GCM_SHA384"; empty: none
    Shard* shard = nullptr;  // of the connection, where the handler runs
    // The first field of that name, in any case; "" if there is none.
    [[nodiscard]] std::string_view field(std::string_view name) const;
    // The target up to its query: "/metrics".
    [[nodiscard]] std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";  // "" sends none
    std::string body{};
    HttpFields fields{};  // further ones; one with CR or LF in it is left out
    // What follows `body`, piece by piece, until there is nothing; each may take its time, and the connection ends with
    // the last. A peer that does not take a piece in time hears no more.
    std::function<Task<std::optional<std::string>>()> more{};
};

// Runs on the shard of the connection, concurrently on several.
using HttpHandler = std::function<Task<HttpResponse>(HttpRequest)>;

}  // namespace relevo

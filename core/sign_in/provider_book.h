// What a provider says of itself, and its keys: fetched when somebody signs in, and kept for a while.
#pragma once

#include "core/ports/log.h"
#include "core/ports/resolver.h"
#include "core/ports/web_pages.h"
#include "lib/oidc/exchange.h"
#include "lib/oidc/key_set.h"
#include "lib/oidc/provider.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace relevo {

// Asks servers that the operator has chosen: addresses of the own network are as good as any.
class ProviderWeb {
 public:
    // Of one request, the look-up of its host included.
    static constexpr std::chrono::seconds time_limit{10};

    ProviderWeb(Resolver& resolver, WebPages& pages) : resolver_(resolver), pages_(pages) {}

    struct Request {
        HttpsUrl url;
        std::optional<PostedBody> post{};
        std::size_t limit_octets;
        std::string trust_file;  // "": the system's
    };
    // Errors: as of WebPages, with the host in the detail.
    Task<Result<Page>> fetch(Request request);

 private:
    Task<Result<std::vector<dns::IpAddress>>> addresses_of(std::string host, Deadline deadline);
    Resolver& resolver_;
    WebPages& pages_;
};

// One provider. Threads: one shard's; shared with the coroutines that wait for it, which may outlive a reload.
class ProviderBook {
 public:
    static constexpr std::chrono::minutes kept{60};
    // Strangers may ask as often as they like: a provider that does not answer is asked again after this time, and keys
    // that a token names and nobody knows are looked for this often.
    static constexpr std::chrono::seconds fault_kept{10}, keys_pause{60};

    // What cannot be fetched, or is of no use, is in the log once each time.
    ProviderBook(Shard& shard, ProviderWeb& web, Log& log, std::string issuer, std::string trust_file);

    // Errors: those of ProviderWeb; invalid, unsupported – what came is of no use: the configuration is wrong, here or
    // there. Both hold for `fault_kept`.
    Task<Result<oidc::Provider>> provider();
    Task<Result<oidc::KeySet>> keys();
    // After a token came of a key that is not there: providers change their keys when they like. The same as keys() if
    // newer ones were looked for a short time ago.
    Task<Result<oidc::KeySet>> newer_keys();

 private:
    template <class T>
    struct Kept {
        std::optional<Result<T>> value{};
        Deadline fetched_at{};
        bool is_being_fetched = false;
        [[nodiscard]] bool is_fresh(Deadline now) const {
            return value &&
                   now < fetched_at + (value->has_value() ? Clock::duration(kept) : Clock::duration(fault_kept));
        }
    };
    template <class T, class Parse>
    Task<Result<T>> read(HttpsUrl url, std::size_t limit_octets, std::string what, Parse parse);
    Task<Result<oidc::Provider>> read_provider();
    Task<Result<oidc::KeySet>> read_keys();
    // The value that is kept, or that comes from `fetch`, once for all who wait.
    template <class T, class Fetch>
    Task<Result<T>> get(Kept<T>& kept_value, Fetch fetch);

    ProviderWeb& web_;
    Log& log_;
    std::string issuer_, trust_file_;
    Kept<oidc::Provider> provider_;
    Kept<oidc::KeySet> keys_;
    std::optional<Deadline> sought_newer_at_;
    Wakeup fetched_;
};

}  // namespace relevo

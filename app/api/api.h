// The HTTP API: who asks, what for, whether that is well-formed and allowed; then core does it.
#pragma once

#include "app/api/description.h"
#include "app/api/operations.h"
#include "app/api/problem.h"
#include "app/api/request_limiter.h"
#include "core/accounts/account_book.h"
#include "core/events/live_events.h"
#include "core/ports/committer.h"
#include "core/ports/http.h"
#include "core/ports/key_vault.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/reception/reception.h"
#include "core/sign_in/openid_sign_in.h"
#include "core/sign_in/passkey_sign_in.h"
#include "core/tenancy/login_guard.h"
#include "core/tenancy/password_checker.h"

#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace relevo::api {

// Whether the path is the API's: "/api/…", and what stands in for others' APIs.
[[nodiscard]] bool is_api_path(std::string_view path);
// What a request without a known key may bring, and one with it.
inline constexpr Octets small_body_limit = 64 * kibibyte;
inline constexpr Octets batch_body_limit = 50 * mebibyte;

struct Metrics {
    explicit Metrics(relevo::Metrics& metrics);
    Counter &succeeded, &refused, &failed;  // 2xx, 4xx, 5xx
    Histogram& seconds;
};

// Providers of accounts that people may sign in by, and the two steps of doing so (core/sign_in). Each runs where it
// belongs and resumes on the caller's shard.
struct SignInOffer {
    std::string name, title;
};
struct SignInPorts {
    std::function<std::vector<SignInOffer>()> offers;
    std::function<Task<SignInResult<OpenIdSignIn::Begun>>(OpenIdSignIn::Beginning)> begin;
    std::function<Task<SignInResult<OpenIdSignIn::SignedIn>>(OpenIdSignIn::Return)> finish;
};

// What the API needs of its surroundings. All is safe to use from any shard.
struct Ports {
    // A request of the control protocol to its answer; runs where it belongs and resumes on the caller's shard. Changes
    // are written down as the principal's.
    std::function<Task<boost::json::object>(boost::json::object request, const Principal& principal)> control;
    AccountBook& accounts;
    PasswordChecker& passwords;
    LoginGuard& guard;
    std::function<Result<KeyVault*>()> vault;
    std::function<std::shared_ptr<const Directory>()> directory;
    std::function<Reception&(Shard&)> reception;  // of that shard
    SignInPorts sign_in;
    PasskeySignIn& passkeys;
    std::function<std::string()> console_url;  // "https://mail.example.com"; "": it has none
    Committer& committer;
    LiveEvents& live;
    RandomSource random;
    Log& log;
    Metrics& metrics;
    std::string host_name;
    Octets message_limit = 25 * mebibyte;
};

// One request that is understood and allowed.
struct Call {
    const openapi::Operation& operation;
    const Principal& principal;
    const HttpRequest& request;
    boost::json::object arguments;  // of path and query
    boost::json::value body;        // null: none
    std::string request_id;
    // A member of the body; "" if it is not there, or no string.
    [[nodiscard]] std::string text(std::string_view name) const;
};

// Sessions that were found a short time ago: their requests may bring more than those of strangers. Threads: any.
class RecentSessions {
 public:
    void note(std::string_view token, Clock::time_point now);
    [[nodiscard]] bool knows(std::string_view token, Clock::time_point now) const;

 private:
    static constexpr std::size_t limit = 10'000;
    static constexpr std::chrono::minutes lifetime{10};
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Clock::time_point> until_;  // by hash
};

// Streams that are open, of each key or user and of all. Threads: any.
class OpenStreams : public std::enable_shared_from_this<OpenStreams> {
 public:
    // Gives itself back. Null: there is no room.
    using Place = std::unique_ptr<OpenStreams, std::function<void(OpenStreams*)>>;
    [[nodiscard]] Place take(const std::string& who);

 private:
    void give_back(const std::string& who);
    std::mutex mutex_;
    std::unordered_map<std::string, std::size_t> by_owner_;
    std::size_t all_ = 0;
};

// Threads: any shard's.
class Api {
 public:
    struct Limits {
        std::uint32_t requests_per_second = 100;  // of one key; 0: no limit
        std::uint32_t burst = 200;
    };
    explicit Api(Ports ports) : Api(std::move(ports), Limits()) {}
    Api(Ports ports, Limits limits);

    // How much body the request may bring, by its head: little before its key is known.
    [[nodiscard]] Octets body_limit(const HttpRequest& head) const;
    Task<HttpResponse> answer(HttpRequest request);

 private:
    using Answer = std::expected<HttpResponse, Trouble>;
    Task<Answer> answer_known(const HttpRequest& request, const std::string& request_id);
    Task<Answer> answer_sendgrid(const HttpRequest& request, const std::string& request_id);
    [[nodiscard]] std::expected<RequestLimiter::Verdict, Trouble> take_request(const Principal& principal,
                                                                               const HttpRequest& request);
    [[nodiscard]] std::expected<Principal, Trouble> key_principal(const HttpRequest& request) const;
    // By key or by session. An operation that is open has nobody, if nobody is known.
    Task<std::expected<Principal, Trouble>> who_asks(const HttpRequest& request, const openapi::Operation* operation);
    [[nodiscard]] std::expected<boost::json::value, Trouble> body_of(const openapi::Operation& operation,
                                                                     const HttpRequest& request) const;
    Task<Answer> perform(const Call& call);
    Task<Answer> show_html(const Call& call);
    Task<Answer> stream(const Call& call);
    // Requests of the control protocol (perform_control.cc).
    Task<Answer> perform_control(const Call& call, const ControlOperation& operation);
    [[nodiscard]] std::optional<Trouble> keep_inside(const Call& call, const ControlOperation& operation,
                                                     boost::json::object& arguments) const;
    Task<std::expected<boost::json::object, Trouble>> ask(std::string_view command, boost::json::object arguments,
                                                          const Principal& principal);
    Task<std::optional<Trouble>> check_owner(const Principal& principal, Bounds bounds,
                                             const boost::json::object& arguments);
    Task<std::optional<Trouble>> check_message(const Principal& principal, std::string id);
    [[nodiscard]] std::string tenant_name(TenantId id) const;

    Ports ports_;
    RequestLimiter limiter_;
    RecentSessions sessions_;
    // Shared with the open ones: their connections may end after this.
    std::shared_ptr<OpenStreams> streams_ = std::make_shared<OpenStreams>();
};

// An answer with a JSON body.
[[nodiscard]] HttpResponse json_response(unsigned status, const boost::json::value& body);

}  // namespace relevo::api

// What the server answers over HTTP: the API, the page to unsubscribe, and what mail clients ask to set themselves up.
#include "app/relevo/client_setup.h"
#include "app/relevo/public_face.h"
#include "app/relevo/server.h"
#include "app/relevo/sign_in_options.h"
#include "app/web/console.h"
#include "core/feedback/unsubscribe.h"

namespace relevo {
namespace {

// Control lives on the first shard; who asks waits on its own.
Task<> perform_there(Control& control, boost::json::object request, Principal principal,
                     Completer<boost::json::object> done) {
    done(co_await control.perform(std::move(request), std::move(principal)));
}

// Sign-ins live there too.
using Begun = SignInResult<OpenIdSignIn::Begun>;
using SignedIn = SignInResult<OpenIdSignIn::SignedIn>;
Task<> begin_there(OpenIdSignIn& sign_in, OpenIdSignIn::Beginning beginning, Completer<Begun> done) {
    done(co_await sign_in.begin(std::move(beginning)));
}
Task<> finish_there(OpenIdSignIn& sign_in, OpenIdSignIn::Return answer, Completer<SignedIn> done) {
    done(co_await sign_in.finish(std::move(answer)));
}

}  // namespace

void Server::make_sign_in() {
    // Few people sign in at once; two threads, so that one slow provider leaves the others a way.
    provider_pages_ = std::make_unique<https::BackgroundPages>(100, 2);
    ShardParts& first = *shards_.front();
    sign_in_ = std::make_unique<OpenIdSignIn>(OpenIdSignIn::Ports{.shard = first.shard,
                                                                  .resolver = *first.resolver,
                                                                  .pages = *provider_pages_,
                                                                  .committer = store_->committer(),
                                                                  .audit = accounts_.audit(),
                                                                  .random = system_random(),
                                                                  .log = *log_,
                                                                  .metrics = metrics_},
                                              openid_providers(*started_with_));
    passkeys_ = std::make_unique<PasskeySignIn>(PasskeySignIn::Ports{.committer = store_->committer(),
                                                                     .guard = *guard_,
                                                                     .random = system_random(),
                                                                     .audit = accounts_.audit(),
                                                                     .log = *log_,
                                                                     .metrics = metrics_});
}

api::SignInPorts Server::sign_in_ports() {
    Shard& first = shards_.front()->shard;
    return {.offers =
                [this] {
                    std::vector<api::SignInOffer> offers;
                    const auto configuration = configuration_.load();
                    for (const OidcSettings& settings : configuration->oidc)
                        offers.push_back({settings.name, settings.title});
                    return offers;
                },
            .begin = [this, &first](OpenIdSignIn::Beginning beginning) -> Task<Begun> {
                co_return co_await completion_of<Begun>([&](Completer<Begun> done) {
                    first.spawn(begin_there(*sign_in_, std::move(beginning), std::move(done)));
                });
            },
            .finish = [this, &first](OpenIdSignIn::Return answer) -> Task<SignedIn> {
                co_return co_await completion_of<SignedIn>([&](Completer<SignedIn> done) {
                    first.spawn(finish_there(*sign_in_, std::move(answer), std::move(done)));
                });
            }};
}

void Server::make_api() {
    std::uint32_t rate = 0;
    for (const HttpSettings& settings : started_with_->http) rate = std::max(rate, settings.requests_per_second);
    api_metrics_ = std::make_unique<api::Metrics>(metrics_);
    api_ = std::make_unique<api::Api>(
        api::Ports{
            .control = [this](boost::json::object request, const Principal& principal) -> Task<boost::json::object> {
                co_return co_await completion_of<boost::json::object>([&](Completer<boost::json::object> done) {
                    shards_.front()->shard.spawn(
                        perform_there(*control_, std::move(request), principal, std::move(done)));
                });
            },
            .accounts = accounts_,
            .passwords = *passwords_,
            .guard = *guard_,
            .vault = [this] -> Result<KeyVault*> { return &signing_->vault(); },
            .directory = [this] { return access_->directory.load(); },
            .reception = [this](Shard& shard) -> Reception& { return *shards_[shard.index()]->reception; },
            .sign_in = sign_in_ports(),
            .passkeys = *passkeys_,
            .console_url = [this] { return console_url(*configuration_.load()); },
            .committer = store_->committer(),
            .live = *live_events_,
            .random = system_random(),
            .log = *log_,
            .metrics = *api_metrics_,
            .host_name = started_with_->server.host_name,
            .message_limit = started_with_->limits.message_size},
        api::Api::Limits{.requests_per_second = rate, .burst = 2 * rate});
}

Result<void> Server::open_web() {
    RELEVO_TRY(console_, ConsoleFiles::parse(embedded_console()));
    for (const HttpSettings& settings : started_with_->http)
        for (const Endpoint& endpoint : settings.address) {
            net::ListenerOptions options;
            options.endpoint = endpoint;
            options.tls = settings.tls ? tls_web_ : nullptr;
            options.refusal.clear();
            options.connection_limit = settings.max_connections;
            options.log = log_.get();
            RELEVO_TRY(auto listener, open_listener("[[http]]", std::move(options), shards_.size()));
            web_listeners_.push_back(std::move(listener));
            net::HttpServerOptions http{
                .handler = [this, &settings](HttpRequest request) { return answer_web(settings, std::move(request)); },
                .transport = settings.tls ? net::HttpTransport::tls : net::HttpTransport::plain};
            if (settings.api)
                http.body_limit_of = [this](const HttpRequest& head) {
                    return api::is_api_path(head.path()) ? api_->body_limit(head) : api::small_body_limit;
                };
            web_servers_.push_back(std::make_unique<net::HttpServer>(std::move(http)));
        }
    return {};
}

Task<HttpResponse> Server::answer_web(const HttpSettings& settings, HttpRequest request) {
    if (const auto answer = challenge_board_.answer_to(request.path()))
        co_return HttpResponse{.status = 200, .content_type = "application/octet-stream", .body = *answer};
    if (request.path().starts_with(unsubscribe_path))
        co_return co_await answer_unsubscribe(*feedback_->intake(), *feedback_->return_paths(), std::move(request));
    if (Tracker::is_ours(request.path())) co_return co_await tracker_->answer(std::move(request));
    if (is_client_setup(request)) {
        const auto directory = access_->directory.load();
        const auto mailboxes = mailboxes_.load();
        co_return answer_client_setup(request, {.offer = submission_offer(*configuration_.load()),
                                                .directory = *directory,
                                                .mailboxes = *mailboxes,
                                                .sign =
                                                    [this](std::string_view content) {
                                                        return tls_server_->sign(content,
                                                                                 started_with_->server.host_name);
                                                    },
                                                .now = WallClock::now()});
    }
    if (settings.api && api::is_api_path(request.path())) co_return co_await api_->answer(std::move(request));
    if (settings.console && settings.api) co_return answer_console(console_, request);
    co_return HttpResponse{.status = 404, .body = "There is nothing here.\n"};
}

}  // namespace relevo

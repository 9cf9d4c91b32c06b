// Signing in to the console through a provider: the authorization code flow with PKCE, from the button to a session
// (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9207, RFC 9700).
#pragma once

#include "core/accounts/audit_log.h"
#include "core/ports/committer.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/sign_in/arrival.h"
#include "core/sign_in/opened_session.h"
#include "core/sign_in/pending_sign_ins.h"
#include "core/sign_in/provider_book.h"

#include <functional>
#include <map>
#include <memory>

namespace relevo {

struct OpenIdProvider {
    ArrivalRules rules;  // with its name and issuer
    oidc::Client client;
    std::vector<std::string> scopes;
    std::string trust_file;  // "": the system's certificates
};

// Threads: one shard's. What it is given outlives it.
class OpenIdSignIn {
 public:
    struct Ports {
        Shard& shard;
        Resolver& resolver;
        WebPages& pages;  // of its own: nobody else waits for slow providers
        Committer& committer;
        AuditWriter& audit;
        RandomSource random;
        Log& log;
        Metrics& metrics;
        std::function<WallClock::time_point()> now = [] { return WallClock::now(); };
    };
    OpenIdSignIn(Ports ports, std::vector<OpenIdProvider> providers);

    // What was begun with a provider that is gone or another one now is over.
    void set_providers(std::vector<OpenIdProvider> providers);

    struct Beginning {
        std::string provider;
        std::string browser;         // what the cookie holds; anything but what begin() made is replaced
        std::string former_session;  // token of the session that the browser has
        dns::IpAddress peer;
    };
    struct Begun {
        std::string location;  // where the browser goes
        std::string browser;   // for its cookie, for as long as PendingSignIns keeps it
    };
    Task<SignInResult<Begun>> begin(Beginning beginning);

    // The provider's answer, as the browser brings it. Texts are a stranger's.
    struct Return {
        std::string provider, state, code, error, issuer;
        std::string browser;
        dns::IpAddress peer;
        std::string user_agent;
    };
    using SignedIn = OpenedSession;
    // The provider's word is enough: a second factor of this server is not asked for (decision 0029). In the audit log
    // if it is known whom the provider means.
    Task<SignInResult<SignedIn>> finish(Return answer);

 private:
    struct Entry {
        OpenIdProvider options;
        std::shared_ptr<ProviderBook> book;  // also of those that wait for it while it is replaced
    };
    [[nodiscard]] std::optional<Entry> entry_of(const std::string& provider) const;
    Task<SignInResult<SignedIn>> complete(Return answer);
    Task<SignInResult<oidc::Claims>> ask_provider(Entry entry, PendingSignIn pending, const Return& answer);
    Task<SignInResult<oidc::TokenAnswer>> exchange(Entry entry, oidc::Provider provider, std::string code,
                                                   std::string code_verifier);
    Task<SignInResult<oidc::Claims>> check_token(Entry entry, oidc::TokenAnswer tokens, std::string nonce);
    Task<> add_user_info(Entry entry, oidc::Provider provider, std::string access_token, oidc::Claims& claims);
    Task<SignInResult<SignedIn>> open(Entry entry, oidc::Claims claims, std::string former_session, Return answer);
    [[nodiscard]] AuditEntry entry_for(const Entry& entry, const oidc::Claims& claims, const Return& answer,
                                       const SignInResult<ArrivedUser>& arrival, WallClock::time_point now) const;

    Ports ports_;
    ProviderWeb web_;
    std::map<std::string, Entry> entries_;
    PendingSignIns pending_;
    Counter &done_, &refused_, &failed_;
};

}  // namespace relevo

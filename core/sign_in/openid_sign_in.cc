#include "core/sign_in/openid_sign_in.h"

#include "core/accounts/token.h"
#include "core/accounts/users.h"
#include "core/tenancy/login_guard.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t browser_digits = 32;  // 160 bits
constexpr std::size_t verifier_digits = 52;
constexpr std::string_view outcomes_metric = "relevo_openid_sign_ins_total";
constexpr std::string_view outcomes_help = "Sign-ins through providers of OpenID Connect";

std::unexpected<SignInRefusal> refusal(SignInProblem problem, std::string detail) {
    return std::unexpected(SignInRefusal{problem, std::move(detail)});
}

// Of a provider that was asked.
std::unexpected<SignInRefusal> refusal_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::invalid:
        case ErrorKind::unsupported:
        case ErrorKind::limit: return refusal(SignInProblem::provider_not_usable, error.detail);
        default: return refusal(SignInProblem::provider_unreachable, error.detail);
    }
}

// "error" of an answer (RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6).
SignInProblem problem_of(std::string_view error) {
    if (error == "access_denied") return SignInProblem::declined;
    if (error == "temporarily_unavailable" || error == "server_error") return SignInProblem::provider_unreachable;
    return SignInProblem::provider_not_usable;
}

SignInProblem problem_of(oidc::TokenFault fault) {
    const bool is_clock = fault == oidc::TokenFault::expired || fault == oidc::TokenFault::from_future;
    return is_clock ? SignInProblem::clock_differs : SignInProblem::answer_not_valid;
}

// Whether it is the operator who must act.
bool is_fault(SignInProblem problem) {
    return problem == SignInProblem::provider_unreachable || problem == SignInProblem::provider_not_usable ||
           problem == SignInProblem::clock_differs || problem == SignInProblem::failed;
}

bool is_browser_token(std::string_view text) {
    return text.size() == browser_digits &&
           std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); });
}

std::string_view name_of(ArrivalKind kind) {
    switch (kind) {
        case ArrivalKind::known: return "done";
        case ArrivalKind::linked: return "linked";
        case ArrivalKind::made: return "made";
    }
    return "done";
}

}  // namespace

OpenIdSignIn::OpenIdSignIn(Ports ports, std::vector<OpenIdProvider> providers)
    : ports_(std::move(ports)),
      web_(ports_.resolver, ports_.pages),
      done_(ports_.metrics.counter(outcomes_metric, outcomes_help, {{"outcome", "done"}})),
      refused_(ports_.metrics.counter(outcomes_metric, outcomes_help, {{"outcome", "refused"}})),
      failed_(ports_.metrics.counter(outcomes_metric, outcomes_help, {{"outcome", "failed"}})) {
    set_providers(std::move(providers));
}

void OpenIdSignIn::set_providers(std::vector<OpenIdProvider> providers) {
    entries_.clear();
    for (OpenIdProvider& provider : providers) {
        auto book =
            std::make_shared<ProviderBook>(ports_.shard, web_, ports_.log, provider.rules.issuer, provider.trust_file);
        const std::string name = provider.rules.provider;
        entries_.insert_or_assign(name, Entry{std::move(provider), std::move(book)});
    }
}

std::optional<OpenIdSignIn::Entry> OpenIdSignIn::entry_of(const std::string& provider) const {
    const auto found = entries_.find(provider);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

Task<SignInResult<OpenIdSignIn::Begun>> OpenIdSignIn::begin(Beginning beginning) {
    const auto entry = entry_of(beginning.provider);
    if (!entry) co_return refusal(SignInProblem::unknown_provider, "no [[oidc]] has this name");
    const auto provider = co_await entry->book->provider();
    if (!provider.has_value()) {
        failed_.add();
        co_return refusal_of(provider.error());
    }
    // One that the browser has already stays: another of its windows may be at a provider's.
    Begun begun{.location = {},
                .browser = is_browser_token(beginning.browser) ? beginning.browser
                                                               : random_digits(ports_.random, browser_digits)};
    PendingSignIn pending{.provider = beginning.provider,
                          .issuer = provider->issuer,
                          .state = random_digits(ports_.random, browser_digits),
                          .nonce = random_digits(ports_.random, browser_digits),
                          .code_verifier = random_digits(ports_.random, verifier_digits),
                          .browser = begun.browser,
                          .former_session = beginning.former_session,
                          .network = counted_address(beginning.peer),
                          .ends = {}};
    begun.location = oidc::authorization_url(*provider, entry->options.client,
                                             {.scopes = entry->options.scopes,
                                              .state = pending.state,
                                              .nonce = pending.nonce,
                                              .code_verifier = pending.code_verifier});
    if (!pending_.add(std::move(pending), Clock::now()))
        co_return refusal(SignInProblem::too_many, "too many sign-ins were begun and not finished");
    co_return begun;
}

Task<SignInResult<OpenIdSignIn::SignedIn>> OpenIdSignIn::finish(Return answer) {
    const std::string provider = answer.provider, peer = answer.peer.text();
    auto outcome = co_await complete(std::move(answer));
    if (outcome.has_value()) {
        done_.add();
        co_return outcome;
    }
    const SignInRefusal& refused = outcome.error();
    (is_fault(refused.problem) ? failed_ : refused_).add();
    // Strangers may be refused as often as they like.
    ports_.log.write(is_fault(refused.problem) ? Level::warning : Level::info, "openid.refused",
                     {{"provider", printable(provider, 60)},
                      {"result", name_of(refused.problem)},
                      {"problem", printable(refused.detail)},
                      {"client", peer}});
    co_return outcome;
}

Task<SignInResult<OpenIdSignIn::SignedIn>> OpenIdSignIn::complete(Return answer) {
    // Taken out first: whatever comes of it, it works once.
    auto pending = pending_.take(answer.state, Clock::now());
    if (!pending) co_return refusal(SignInProblem::sign_in_over, "no such sign-in is waiting: used, or too old");
    if (!equal_secrets(pending->browser, answer.browser))
        co_return refusal(SignInProblem::other_browser, "the answer came by another browser than the one that asked");
    const auto entry = entry_of(answer.provider);
    if (!entry || pending->provider != answer.provider || pending->issuer != entry->options.rules.issuer)
        co_return refusal(SignInProblem::sign_in_over, "the sign-in was begun with another provider");
    auto claims = co_await ask_provider(*entry, *pending, answer);
    if (!claims.has_value()) co_return std::unexpected(std::move(claims).error());
    co_return co_await open(*entry, *std::move(claims), pending->former_session, std::move(answer));
}

Task<SignInResult<oidc::Claims>> OpenIdSignIn::ask_provider(Entry entry, PendingSignIn pending, const Return& answer) {
    const auto provider = co_await entry.book->provider();
    if (!provider.has_value()) co_return refusal_of(provider.error());
    // RFC 9207 §2.4: an answer of another server than the one that was asked "MUST NOT" go on.
    if ((provider->names_itself || !answer.issuer.empty()) && answer.issuer != provider->issuer)
        co_return refusal(SignInProblem::answer_not_valid,
                          fmt::format("the answer is of \"{}\"", printable(answer.issuer, 200)));
    if (!answer.error.empty())
        co_return refusal(problem_of(answer.error),
                          fmt::format("the provider says \"{}\"", printable(answer.error, 100)));
    if (answer.code.empty()) co_return refusal(SignInProblem::answer_not_valid, "the answer has no code");
    auto tokens = co_await exchange(entry, *provider, answer.code, pending.code_verifier);
    if (!tokens.has_value()) co_return std::unexpected(std::move(tokens).error());
    auto claims = co_await check_token(entry, *tokens, pending.nonce);
    if (claims.has_value()) co_await add_user_info(entry, *provider, tokens->access_token, *claims);
    co_return claims;
}

Task<SignInResult<oidc::TokenAnswer>> OpenIdSignIn::exchange(Entry entry, oidc::Provider provider, std::string code,
                                                             std::string code_verifier) {
    oidc::TokenRequest request = oidc::token_request(provider, entry.options.client, code, code_verifier);
    const auto page = co_await web_.fetch({.url = provider.token,
                                           .post = PostedBody{.content_type = "application/x-www-form-urlencoded",
                                                              .octets = std::move(request.form),
                                                              .fields = std::move(request.fields)},
                                           .limit_octets = oidc::TokenAnswer::text_limit,
                                           .trust_file = entry.options.trust_file});
    if (!page.has_value()) co_return refusal_of(page.error());
    auto tokens = oidc::parse_token_answer(page->status, page->body);
    if (tokens.has_value()) co_return *std::move(tokens);
    if (tokens.error().kind == ErrorKind::refused)
        co_return refusal(SignInProblem::sign_in_over, tokens.error().detail);
    co_return refusal_of(tokens.error());
}

Task<SignInResult<oidc::Claims>> OpenIdSignIn::check_token(Entry entry, oidc::TokenAnswer tokens, std::string nonce) {
    const auto keys = co_await entry.book->keys();
    if (!keys.has_value()) co_return refusal_of(keys.error());
    const oidc::Expectation expected{.issuer = entry.options.rules.issuer,
                                     .client_id = entry.options.client.id,
                                     .nonce = nonce,
                                     .access_token = tokens.access_token,
                                     .now = ports_.now()};
    auto claims = oidc::verify_id_token(tokens.id_token, *keys, expected);
    if (!claims.has_value() && claims.error().fault == oidc::TokenFault::unknown_key) {
        const auto newer = co_await entry.book->newer_keys();
        if (!newer.has_value()) co_return refusal_of(newer.error());
        claims = oidc::verify_id_token(tokens.id_token, *newer, expected);
    }
    if (claims.has_value()) co_return *std::move(claims);
    co_return refusal(problem_of(claims.error().fault),
                      fmt::format("{}: {}", oidc::name_of(claims.error().fault), claims.error().detail));
}

// Many providers tell the address there alone. It is needed once, to find the user.
Task<> OpenIdSignIn::add_user_info(Entry entry, oidc::Provider provider, std::string access_token,
                                   oidc::Claims& claims) {
    if (!claims.email.empty() || !provider.user_info || access_token.empty()) co_return;
    std::optional<LinkedIdentity> known;
    const auto read = co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(known, find_identity(reader, provider.issuer, claims.subject));
        return {};
    });
    if (!read.has_value() || known) co_return;
    const auto page = co_await web_.fetch(
        {.url = *provider.user_info,
         .post = PostedBody{.content_type = "application/x-www-form-urlencoded",
                            .octets = {},
                            .fields = {"Authorization: Bearer " + access_token, "Accept: application/json"}},
         .limit_octets = oidc::token_limit,
         .trust_file = entry.options.trust_file});
    std::string problem;
    if (!page.has_value()) {
        problem = page.error().detail;
    } else if (page->status != 200) {
        problem = fmt::format("{} answers with status {}", provider.user_info->text, page->status);
    } else if (const auto told = oidc::parse_user_info(page->body, claims.subject); told.has_value()) {
        claims = *told;
    } else {
        problem = told.error().detail;
    }
    // Then there is no address, which the person is told.
    if (!problem.empty())
        ports_.log.warning("openid.no_user_info",
                           {{"provider", entry.options.rules.provider}, {"problem", printable(problem)}});
}

AuditEntry OpenIdSignIn::entry_for(const Entry& entry, const oidc::Claims& claims, const Return& answer,
                                   const SignInResult<ArrivedUser>& arrival, WallClock::time_point now) const {
    AuditEntry written = audit_entry({}, "session.open", now);
    written.peer = answer.peer.text();
    written.object_type = "user";
    JsonWriter detail;
    detail.field("result", arrival.has_value() ? name_of(arrival->kind) : name_of(arrival.error().problem))
        .field("provider", entry.options.rules.provider)
        .field("subject", printable(claims.subject, 255))
        .field("email", printable(claims.email, 320));
    written.detail = detail.finish();
    if (!arrival.has_value()) {
        written.outcome = AuditOutcome::refused;
        return written;
    }
    written.kind = PrincipalKind::session;
    written.principal = arrival->user.id.value;
    written.principal_name = arrival->user.login;
    written.tenant = arrival->user.tenant;
    written.object_id = arrival->user.id.text();
    return written;
}

// All of it in one transaction: nobody is linked or made without coming in.
Task<SignInResult<OpenIdSignIn::SignedIn>> OpenIdSignIn::open(Entry entry, oidc::Claims claims,
                                                              std::string former_session, Return answer) {
    const auto now = ports_.now();
    SignedIn signed_in{.token = generate_session_token(ports_.random), .session = {}, .user = {}};
    SignInResult<ArrivedUser> arrival = refusal(SignInProblem::failed, "");
    CommitRequest request;
    request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(arrival, receive_arrival(rows, entry.options.rules, claims, now));
        if (arrival.has_value()) {
            const Entrance entrance{former_session, answer.peer, answer.user_agent};
            RELEVO_CHECK(enter_console(rows, arrival->user.id, entrance, now, signed_in));
        }
        return ports_.audit.append(rows, entry_for(entry, claims, answer, arrival, now));
    };
    if (const auto written = co_await commit(ports_.committer, std::move(request)); !written.has_value())
        co_return refusal(SignInProblem::failed, written.error().detail);
    if (!arrival.has_value()) co_return std::unexpected(arrival.error());
    if (arrival->kind != ArrivalKind::known)
        ports_.log.info(arrival->kind == ArrivalKind::made ? "openid.user_made" : "openid.linked",
                        {{"provider", entry.options.rules.provider}, {"user", arrival->user.login}});
    co_return signed_in;
}

}  // namespace relevo

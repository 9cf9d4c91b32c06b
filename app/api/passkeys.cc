#include "app/api/passkeys.h"

#include "app/api/login.h"
#include "core/accounts/passkeys.h"
#include "core/events/history.h"
#include "lib/base/base64url.h"
#include "lib/json/json.h"

namespace relevo::api {
namespace {

namespace json = boost::json;
using relevo::json::member;
using relevo::json::text_of;

using Answer = std::expected<HttpResponse, Trouble>;
using Refused = std::unexpected<Trouble>;

constexpr std::string_view relying_party_name = "Relevo";

// Octets in base64url. What is none is noted.
std::string octets(const Call& call, std::string_view name, std::vector<openapi::Problem>& problems) {
    auto decoded = decode_base64url(text_of(member(call.body, name)));
    if (!decoded.has_value()) problems.push_back({"/" + std::string(name), "format", "is no base64url"});
    return std::move(decoded).value_or("");
}

// Whom passkeys are for, as the page of this request can use them.
Result<webauthn::RelyingParty> site_of(const Ports& ports, const HttpRequest& request) {
    if (is_plain_and_local(request)) {
        auto local = webauthn::relying_party_of_localhost(request.field("Host"));
        if (local.has_value()) return local;
    }
    return webauthn::relying_party_of(ports.console_url());
}

Trouble no_site(const Error& error) {
    return trouble(409, "passkey_no_address",
                   "Passkeys need an address of the console with TLS and a host name: set accounts.console_url (" +
                       error.detail + ").");
}

Trouble later(unsigned status, std::string_view code, std::string detail, std::chrono::seconds wait) {
    Trouble told = trouble(status, code, std::move(detail));
    told.retry_after = wait;
    return told;
}

Trouble trouble_of(const PasskeyRefusal& refusal) {
    const std::string_view code = name_of(refusal.problem);
    switch (refusal.problem) {
        case PasskeyProblem::too_many:
            return later(429, code, "Too many people are at it at once: try again in a minute.",
                         std::chrono::seconds(60));
        case PasskeyProblem::over:
            return trouble(409, code, "This took longer than five minutes, or was sent twice: begin anew.");
        case PasskeyProblem::other_origin:
            return trouble(403, code,
                           "Passkeys are for the address of the console that is configured (accounts.console_url): "
                           "open it there.");
        case PasskeyProblem::not_valid:
            return trouble(422, code, "This passkey cannot be used here: " + refusal.detail + ".");
        case PasskeyProblem::name: return invalid_request({{"/name", "not_allowed", refusal.detail}});
        case PasskeyProblem::full:
            return trouble(422, code, "There are ten passkeys, which is the most: remove one first.");
        case PasskeyProblem::known: return trouble(409, code, "This passkey was added before.");
        case PasskeyProblem::wrong:
            return trouble(401, code, "This passkey does not work here: it was removed, or is of another server.");
        case PasskeyProblem::copied:
            return trouble(403, code,
                           "This passkey counts backwards, as a copy of it would: come in another way, remove it and "
                           "add it anew.");
        case PasskeyProblem::disabled: return trouble(403, code, "This user is switched off: ask an administrator.");
        case PasskeyProblem::held_back:
            return later(429, code, "There were too many failures: wait before the next try.", refusal.retry_after);
        case PasskeyProblem::failed: break;
    }
    return api::trouble_of(Error{ErrorKind::io, refusal.detail});
}

json::object json_of(const Passkey& passkey) {
    return {{"id", passkey.id.text()},
            {"name", passkey.name},
            {"host", passkey.relying_party},
            {"created_at", utc_text(passkey.created_at)},
            {"last_used_at", passkey.last_used_at == WallClock::time_point{}
                                 ? json::value(nullptr)
                                 : json::value(utc_text(passkey.last_used_at))}};
}

// "PublicKeyCredentialCreationOptionsJSON" (Web Authentication Level 3 §5.1.9): a key that knows its user, by a user
// whom the authenticator verifies, without a word about the authenticator.
json::object creation_options(const webauthn::RelyingParty& site, const Principal& user, const std::string& challenge,
                              const std::vector<Passkey>& present) {
    json::array kinds, excluded;
    for (const webauthn::Algorithm algorithm : webauthn::algorithms)
        kinds.emplace_back(json::object{{"type", "public-key"}, {"alg", static_cast<std::int64_t>(algorithm)}});
    for (const Passkey& passkey : present)
        if (passkey.relying_party == site.id)
            excluded.emplace_back(
                json::object{{"type", "public-key"}, {"id", encode_base64url(passkey.credential.id)}});
    return {{"rp", json::object{{"id", site.id}, {"name", relying_party_name}}},
            {"user", json::object{{"id", encode_base64url(PasskeySignIn::user_handle(UserId{user.id}))},
                                  {"name", user.name},
                                  {"displayName", user.name}}},
            {"challenge", challenge},
            {"pubKeyCredParams", std::move(kinds)},
            {"timeout", std::chrono::milliseconds(PendingPasskey::lifetime).count()},
            {"excludeCredentials", std::move(excluded)},
            {"authenticatorSelection",
             json::object{{"residentKey", "required"}, {"requireResidentKey", true}, {"userVerification", "required"}}},
            {"attestation", "none"}};
}

// Those of the person of the session.
Task<std::expected<std::vector<Passkey>, Trouble>> own_passkeys(Ports& ports, const Call& call) {
    std::vector<Passkey> passkeys;
    const auto read = co_await read_rows(ports.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(passkeys, list_passkeys(reader, UserId{call.principal.id}));
        return {};
    });
    if (!read.has_value()) co_return Refused(api::trouble_of(read.error()));
    co_return passkeys;
}

}  // namespace

json::value passkey_host(const Ports& ports, const HttpRequest& request) {
    const auto site = site_of(ports, request);
    return site.has_value() ? json::value(json::string(site->id)) : json::value(nullptr);
}

Task<Answer> begin_passkey(Ports& ports, const Call& call) {
    const auto site = site_of(ports, call.request);
    if (!site.has_value()) co_return Refused(no_site(site.error()));
    if (auto refusal = co_await confirm_by_password(ports, call)) co_return Refused(*std::move(refusal));
    const auto present = co_await own_passkeys(ports, call);
    if (!present.has_value()) co_return Refused(present.error());
    if (std::ssize(*present) >= passkeys_per_user)
        co_return Refused(trouble_of(PasskeyRefusal{.problem = PasskeyProblem::full}));
    const auto challenge = ports.passkeys.begin_adding(*site, call.principal, call.request.peer.address);
    if (!challenge.has_value()) co_return Refused(trouble_of(challenge.error()));
    co_return json_response(
        200, json::object{{"public_key", creation_options(*site, call.principal, *challenge, *present)}});
}

Task<Answer> add_passkey(Ports& ports, const Call& call) {
    if (call.principal.kind != PrincipalKind::session) co_return Refused(session_only());
    std::vector<openapi::Problem> problems;
    PasskeySignIn::Addition addition{.name = call.text("name"),
                                     .client_data = octets(call, "client_data", problems),
                                     .authenticator_data = octets(call, "authenticator_data", problems)};
    if (!problems.empty()) co_return Refused(invalid_request(std::move(problems)));
    const auto added = co_await ports.passkeys.add(std::move(addition), call.principal, call.request.peer.address);
    if (!added.has_value()) co_return Refused(trouble_of(added.error()));
    co_return json_response(201, json_of(*added));
}

Task<Answer> list_own_passkeys(Ports& ports, const Call& call) {
    if (call.principal.kind != PrincipalKind::session) co_return Refused(session_only());
    const auto passkeys = co_await own_passkeys(ports, call);
    if (!passkeys.has_value()) co_return Refused(passkeys.error());
    json::array rows;
    for (const Passkey& passkey : *passkeys) rows.emplace_back(json_of(passkey));
    co_return json_response(200, json::object{{"data", std::move(rows)}, {"next_cursor", nullptr}});
}

Task<Answer> remove_own_passkey(Ports& ports, const Call& call) {
    if (auto refusal = co_await confirm_by_password(ports, call)) co_return Refused(*std::move(refusal));
    const auto passkey = PasskeyId::parse(call.text("passkey"));
    if (!passkey.has_value()) co_return Refused(api::trouble_of(passkey.error()));
    const UserId user{call.principal.id};
    auto refusal = co_await write_as_self(
        ports, call, "session.passkey_remove",
        [&](Transaction& rows) { return remove_passkeys(rows, user, *passkey, call.principal.session); },
        {{"passkey", passkey->text()}});
    if (refusal) co_return Refused(*std::move(refusal));
    co_return json_response(200, json::object{{"changed", true}});
}

Task<Answer> begin_passkey_sign_in(Ports& ports, const Call& call) {
    const auto site = site_of(ports, call.request);
    if (!site.has_value()) co_return Refused(no_site(site.error()));
    const auto challenge = ports.passkeys.begin_sign_in(*site, call.request.peer.address);
    if (!challenge.has_value()) co_return Refused(trouble_of(challenge.error()));
    // "PublicKeyCredentialRequestOptionsJSON" (§5.1.10). No list of keys: nobody learns who has any.
    co_return json_response(
        200, json::object{
                 {"public_key", json::object{{"challenge", *challenge},
                                             {"timeout", std::chrono::milliseconds(PendingPasskey::lifetime).count()},
                                             {"rpId", site->id},
                                             {"allowCredentials", json::array()},
                                             {"userVerification", "required"}}}});
}

Task<Answer> sign_in_with_passkey(Ports& ports, const Call& call) {
    std::vector<openapi::Problem> problems;
    PasskeySignIn::Attempt attempt{.credential_id = octets(call, "credential", problems),
                                   .user_handle = octets(call, "user_handle", problems),
                                   .assertion = {.client_data = octets(call, "client_data", problems),
                                                 .authenticator_data = octets(call, "authenticator_data", problems),
                                                 .signature = octets(call, "signature", problems)},
                                   .entrance = {.former_token = session_token_of(call.request),
                                                .peer = call.request.peer.address,
                                                .user_agent = std::string(call.request.field("User-Agent"))}};
    if (!problems.empty()) co_return Refused(invalid_request(std::move(problems)));
    const auto opened = co_await ports.passkeys.sign_in(std::move(attempt));
    if (!opened.has_value()) co_return Refused(trouble_of(opened.error()));
    co_return logged_in(ports, call, opened->user, opened->session, opened->token);
}

}  // namespace relevo::api

#include "core/sign_in/passkey_sign_in.h"

#include "core/accounts/console_login.h"
#include "core/accounts/token.h"
#include "core/accounts/users.h"
#include "lib/base/base64url.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <array>

namespace relevo {
namespace {

using webauthn::Ceremony;

constexpr std::size_t challenge_octets = 32;
constexpr std::string_view outcomes_metric = "relevo_passkey_sign_ins_total";
constexpr std::string_view outcomes_help = "Sign-ins to the console by passkeys";

std::unexpected<PasskeyRefusal> refusal(PasskeyProblem problem, std::string detail) {
    return std::unexpected(PasskeyRefusal{problem, std::move(detail)});
}

// Of the store, when a passkey is added.
PasskeyProblem problem_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::invalid: return PasskeyProblem::name;
        case ErrorKind::limit: return PasskeyProblem::full;
        case ErrorKind::conflict: return PasskeyProblem::known;
        default: return PasskeyProblem::failed;
    }
}

// How the guard counts whoever brings a passkey that nobody has: like a login that nobody has.
std::string guarded_stranger(std::string_view credential_id) {
    return guarded_name("passkey " + token_hash_text(credential_id));
}

AuditEntry entry_of(const Entrance& entrance, const User* user, const Passkey* passkey, std::string_view result,
                    AuditOutcome outcome, WallClock::time_point now) {
    AuditEntry entry = audit_entry({}, "session.open", now);
    entry.peer = entrance.peer.text();
    entry.outcome = outcome;
    entry.object_type = "user";
    JsonWriter detail;
    detail.field("result", result).field("by", "passkey");
    if (user != nullptr && passkey != nullptr) {
        if (outcome == AuditOutcome::done) {
            entry.kind = PrincipalKind::session;
            entry.principal = user->id.value;
        }
        entry.principal_name = user->login;
        entry.tenant = user->tenant;
        entry.object_id = user->id.text();
        detail.field("passkey", passkey->id.text());
    }
    entry.detail = detail.finish();
    return entry;
}

}  // namespace

std::string_view name_of(PasskeyProblem problem) {
    switch (problem) {
        case PasskeyProblem::too_many: return "passkey_too_many";
        case PasskeyProblem::over: return "passkey_over";
        case PasskeyProblem::other_origin: return "passkey_other_origin";
        case PasskeyProblem::not_valid: return "passkey_not_valid";
        case PasskeyProblem::name: return "passkey_name";
        case PasskeyProblem::full: return "passkey_full";
        case PasskeyProblem::known: return "passkey_known";
        case PasskeyProblem::wrong: return "wrong_passkey";
        case PasskeyProblem::copied: return "passkey_copied";
        case PasskeyProblem::disabled: return "user_disabled";
        case PasskeyProblem::held_back: return "held_back";
        case PasskeyProblem::failed: return "failed";
    }
    return "failed";
}

PasskeySignIn::PasskeySignIn(Ports ports)
    : ports_(std::move(ports)),
      done_(ports_.metrics.counter(outcomes_metric, outcomes_help, {{"outcome", "done"}})),
      refused_(ports_.metrics.counter(outcomes_metric, outcomes_help, {{"outcome", "refused"}})),
      failed_(ports_.metrics.counter(outcomes_metric, outcomes_help, {{"outcome", "failed"}})) {}

PasskeyResult<std::string> PasskeySignIn::begin(PendingPasskey pending, const dns::IpAddress& peer) {
    std::array<std::byte, challenge_octets> octets{};
    ports_.random(octets);
    pending.challenge = encode_base64url(as_text(octets));
    pending.network = counted_address(peer);
    std::string challenge = pending.challenge;
    const std::lock_guard lock(mutex_);
    if (!pending_.add(std::move(pending), ports_.steady_now()))
        return refusal(PasskeyProblem::too_many, "too many challenges were given out and not used");
    return challenge;
}

PasskeyResult<std::string> PasskeySignIn::begin_adding(const webauthn::RelyingParty& site, const Principal& user,
                                                       const dns::IpAddress& peer) {
    return begin({.challenge = {},
                  .ceremony = Ceremony::create,
                  .relying_party = site,
                  .user = UserId{user.id},
                  .session = user.session,
                  .network = {},
                  .ends = {}},
                 peer);
}

PasskeyResult<std::string> PasskeySignIn::begin_sign_in(const webauthn::RelyingParty& site,
                                                        const dns::IpAddress& peer) {
    return begin({.challenge = {},
                  .ceremony = Ceremony::get,
                  .relying_party = site,
                  .user = {},
                  .session = {},
                  .network = {},
                  .ends = {}},
                 peer);
}

// The challenge is taken out first: whatever comes of it, it works once.
PasskeyResult<PendingPasskey> PasskeySignIn::take(std::string_view client_data, Ceremony ceremony) {
    const PasskeyProblem unfit = ceremony == Ceremony::create ? PasskeyProblem::not_valid : PasskeyProblem::wrong;
    const auto data = webauthn::parse_client_data(client_data);
    if (!data.has_value()) return refusal(unfit, data.error().detail);
    std::optional<PendingPasskey> pending;
    {
        const std::lock_guard lock(mutex_);
        pending = pending_.take(data->challenge, ports_.steady_now());
    }
    if (!pending) return refusal(PasskeyProblem::over, "no such challenge was given out: used, or too old");
    if (data->ceremony != ceremony || pending->ceremony != ceremony)
        return refusal(unfit, "the challenge was given out for something else");
    if (data->origin != pending->relying_party.origin || data->cross_origin)
        return refusal(
            PasskeyProblem::other_origin,
            fmt::format("asked for by \"{}\"{}, not by {}", printable(data->origin, 200),
                        data->cross_origin ? " in a frame of another site" : "", pending->relying_party.origin));
    return *std::move(pending);
}

// --- adding one

Task<PasskeyResult<Passkey>> PasskeySignIn::add(Addition addition, Principal user, dns::IpAddress peer) {
    auto added = co_await complete_addition(std::move(addition), user, peer);
    if (added.has_value())
        ports_.log.info("passkey.added", {{"user", user.name}, {"passkey", added->id.text()}, {"client", peer.text()}});
    else
        ports_.log.info("passkey.not_added", {{"user", user.name},
                                              {"result", name_of(added.error().problem)},
                                              {"problem", printable(added.error().detail)},
                                              {"client", peer.text()}});
    co_return added;
}

Task<PasskeyResult<Passkey>> PasskeySignIn::complete_addition(Addition addition, Principal user, dns::IpAddress peer) {
    const auto pending = take(addition.client_data, Ceremony::create);
    if (!pending.has_value()) co_return std::unexpected(pending.error());
    if (pending->user.value != user.id || pending->session != user.session)
        co_return refusal(PasskeyProblem::over, "the challenge was given to another session");
    auto credential = webauthn::read_new_credential(addition.authenticator_data, pending->relying_party.id);
    if (!credential.has_value()) co_return refusal(PasskeyProblem::not_valid, credential.error().detail);
    const auto now = ports_.now();
    const NewPasskey fresh{.name = std::move(addition.name),
                           .relying_party = pending->relying_party.id,
                           .credential = *std::move(credential)};
    Passkey added{.id = {},
                  .user = pending->user,
                  .name = fresh.name,
                  .relying_party = fresh.relying_party,
                  .credential = fresh.credential,
                  .created_at = now};
    CommitRequest request;
    request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(added.id, add_passkey(rows, added.user, fresh, user.session, now));
        AuditEntry entry = audit_entry(user, "session.passkey_add", now);
        entry.object_type = "user";
        entry.object_id = added.user.text();
        entry.peer = peer.text();
        entry.detail = JsonWriter().field("passkey", added.id.text()).field("name", fresh.name).finish();
        return ports_.audit.append(rows, entry);
    };
    if (const auto written = co_await commit(ports_.committer, std::move(request)); !written.has_value())
        co_return refusal(problem_of(written.error()), written.error().detail);
    co_return added;
}

// --- coming in

Task<PasskeyResult<OpenedSession>> PasskeySignIn::sign_in(Attempt attempt) {
    auto outcome = co_await complete(attempt);
    if (outcome.has_value()) {
        done_.add();
        co_return outcome;
    }
    const PasskeyRefusal& refused = outcome.error();
    (refused.problem == PasskeyProblem::failed ? failed_ : refused_).add();
    // Strangers may be refused as often as they like.
    ports_.log.write(refused.problem == PasskeyProblem::failed ? Level::warning : Level::info, "passkey.refused",
                     {{"result", name_of(refused.problem)},
                      {"problem", printable(refused.detail)},
                      {"client", attempt.entrance.peer.text()}});
    co_return outcome;
}

Task<Result<std::optional<PasskeySignIn::Known>>> PasskeySignIn::look_up(std::string credential_id) {
    std::optional<Known> known;
    RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const auto passkey, find_passkey(reader, credential_id));
        if (!passkey) return {};
        RELEVO_TRY(const User user, user_with_id(reader, passkey->user));
        known = Known{*passkey, user};
        return {};
    }));
    co_return known;
}

Task<PasskeyResult<OpenedSession>> PasskeySignIn::complete(const Attempt& attempt) {
    const auto pending = take(attempt.assertion.client_data, Ceremony::get);
    if (!pending.has_value()) co_return std::unexpected(pending.error());
    const auto known = co_await look_up(attempt.credential_id);
    if (!known.has_value()) co_return refusal(PasskeyProblem::failed, known.error().detail);
    const std::string guarded = *known ? guarded_name((*known)->user.login) : guarded_stranger(attempt.credential_id);
    const auto now = ports_.now();
    const dns::IpAddress& peer = attempt.entrance.peer;
    const LoginGuard::Verdict verdict = ports_.guard.begin(guarded, peer, now);
    if (!verdict.allowed)
        co_return std::unexpected(
            PasskeyRefusal{PasskeyProblem::held_back, "there were too many failures", verdict.retry_after});
    auto outcome = co_await check_and_open(attempt, *pending, *known, now);
    // The guard hears of each attempt once, whatever became of it.
    const auto problem = outcome.has_value() ? std::nullopt : std::optional(outcome.error().problem);
    if (!problem)
        ports_.guard.succeeded(guarded, peer, now);
    else if (problem == PasskeyProblem::wrong || problem == PasskeyProblem::copied)
        ports_.guard.failed(guarded, peer, now);
    else
        ports_.guard.abandoned(guarded, peer);
    if (problem && problem != PasskeyProblem::failed)
        co_await write_down(
            ports_.committer, ports_.audit, ports_.log,
            entry_of(attempt.entrance, *known ? &(*known)->user : nullptr, *known ? &(*known)->passkey : nullptr,
                     name_of(*problem), AuditOutcome::refused, now));
    co_return outcome;
}

Task<PasskeyResult<OpenedSession>> PasskeySignIn::check_and_open(const Attempt& attempt, const PendingPasskey& pending,
                                                                 const std::optional<Known>& known,
                                                                 WallClock::time_point now) {
    if (!known) co_return refusal(PasskeyProblem::wrong, "nobody has such a passkey");
    if (attempt.user_handle != user_handle(known->user.id))
        co_return refusal(PasskeyProblem::wrong, "the passkey is another user's");
    const auto count =
        webauthn::verify_assertion(known->passkey.credential.key, pending.relying_party.id, attempt.assertion);
    if (!count.has_value()) co_return refusal(PasskeyProblem::wrong, count.error().detail);
    co_return co_await open(attempt, *known, *count, now);
}

// All of it in one transaction: whoever signs twice with one count comes in once.
Task<PasskeyResult<OpenedSession>> PasskeySignIn::open(const Attempt& attempt, const Known& known, std::uint32_t count,
                                                       WallClock::time_point now) {
    OpenedSession opened{.token = generate_session_token(ports_.random), .session = {}, .user = {}};
    std::optional<PasskeyRefusal> refused;
    std::uint32_t stored_count = 0;
    CommitRequest request;
    request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
        refused.reset();
        // While the signature was being checked, it may have been removed, or the user disabled.
        RELEVO_TRY(const auto passkey, find_passkey(rows, attempt.credential_id));
        if (!passkey || passkey->id != known.passkey.id) {
            refused = PasskeyRefusal{PasskeyProblem::wrong, "the passkey was removed at this moment"};
            return {};
        }
        RELEVO_TRY(const User user, user_with_id(rows, passkey->user));
        stored_count = passkey->credential.sign_count;
        if (!webauthn::is_next_count(stored_count, count))
            refused = PasskeyRefusal{PasskeyProblem::copied, "its count went back: there may be two of it"};
        else if (!user.enabled)
            refused = PasskeyRefusal{PasskeyProblem::disabled, "the user is switched off"};
        if (refused) return {};
        RELEVO_CHECK(note_passkey_use(rows, passkey->id, count, now));
        RELEVO_CHECK(enter_console(rows, user.id, attempt.entrance, now, opened));
        return ports_.audit.append(
            rows, entry_of(attempt.entrance, &opened.user, &*passkey, "done", AuditOutcome::done, now));
    };
    if (const auto written = co_await commit(ports_.committer, std::move(request)); !written.has_value())
        co_return refusal(PasskeyProblem::failed, written.error().detail);
    if (!refused) co_return opened;
    if (refused->problem == PasskeyProblem::copied)
        ports_.log.warning("passkey.count_went_back", {{"user", known.user.login},
                                                       {"passkey", known.passkey.id.text()},
                                                       {"stored", stored_count},
                                                       {"received", count},
                                                       {"client", attempt.entrance.peer.text()}});
    co_return std::unexpected(*refused);
}

}  // namespace relevo

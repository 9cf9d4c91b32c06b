// Passkeys in the console: how one is added to an account, and how somebody comes in by one instead of a password (Web
// Authentication Level 3 §7.1, §7.2; decision 0031).
#pragma once

#include "core/accounts/audit_log.h"
#include "core/accounts/passkeys.h"
#include "core/ports/committer.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/sign_in/opened_session.h"
#include "core/sign_in/pending.h"
#include "core/tenancy/login_guard.h"
#include "lib/webauthn/client_data.h"
#include "lib/webauthn/relying_party.h"

#include <chrono>
#include <expected>
#include <functional>
#include <mutex>
#include <string>

namespace relevo {

// Why it did not work. The words are stable: the console has a sentence for each.
enum class PasskeyProblem : std::uint8_t {
    too_many,      // that were begun and not finished
    over,          // the challenge: used, too old, or given out before a restart
    other_origin,  // the page is at another address than passkeys are for
    not_valid,     // what the browser brought is no passkey that can be added
    name,          // of the new one
    full,          // the user has as many as are kept
    known,         // it was added before
    wrong,         // no such passkey, or not signed by it: which one stays open
    copied,        // signed, but its count went back
    disabled,      // signed, but the user is switched off
    held_back,     // too many failures: retry_after says when
    failed,        // the store
};
[[nodiscard]] std::string_view name_of(PasskeyProblem problem);

struct PasskeyRefusal {
    PasskeyProblem problem;
    std::string detail{};  // for the log
    std::chrono::seconds retry_after{0};
};
template <class T>
using PasskeyResult = std::expected<T, PasskeyRefusal>;

// What an authenticator is asked to sign, and for whom.
struct PendingPasskey {
    static constexpr std::chrono::minutes lifetime{5};
    std::string challenge;  // 32 random octets in base64url
    webauthn::Ceremony ceremony = webauthn::Ceremony::get;
    webauthn::RelyingParty relying_party;
    UserId user;  // with `create`: who adds one, and in which session
    SessionId session;
    std::string network;
    Deadline ends;
};

// Threads: any shard's. Its parts outlive it.
class PasskeySignIn {
 public:
    struct Ports {
        Committer& committer;
        LoginGuard& guard;  // shared with passwords: failures of an address count together
        RandomSource random;
        AuditWriter& audit;
        Log& log;
        Metrics& metrics;
        std::function<WallClock::time_point()> now = [] { return WallClock::now(); };
        std::function<Deadline()> steady_now = [] { return Clock::now(); };
    };
    explicit PasskeySignIn(Ports ports);

    // The id of a user as authenticators keep it ("user handle", §5.4.3): it tells nothing about the person.
    [[nodiscard]] static std::string user_handle(UserId user) { return user.text(); }

    // The challenge for one of the two below. Errors: too_many.
    [[nodiscard]] PasskeyResult<std::string> begin_adding(const webauthn::RelyingParty& site, const Principal& user,
                                                          const dns::IpAddress& peer);
    [[nodiscard]] PasskeyResult<std::string> begin_sign_in(const webauthn::RelyingParty& site,
                                                           const dns::IpAddress& peer);

    struct Addition {
        std::string name;
        std::string client_data, authenticator_data;  // octets, a stranger's
    };
    // Ends the user's other sessions. In the audit log as "session.passkey_add". Errors: over, other_origin, not_valid,
    // name, full, known, failed.
    Task<PasskeyResult<Passkey>> add(Addition addition, Principal user, dns::IpAddress peer);

    struct Attempt {
        std::string credential_id;  // octets, as all of these
        std::string user_handle;
        webauthn::Assertion assertion;
        Entrance entrance;
    };
    // The user was verified by the authenticator, which is a second factor: no code is asked for. Each attempt is in
    // the audit log, but for those held back and those with no challenge of ours. Errors: over, other_origin, wrong,
    // copied, disabled, held_back, failed.
    Task<PasskeyResult<OpenedSession>> sign_in(Attempt attempt);

 private:
    struct Known {
        Passkey passkey;
        User user;
    };
    PasskeyResult<std::string> begin(PendingPasskey pending, const dns::IpAddress& peer);
    PasskeyResult<PendingPasskey> take(std::string_view client_data, webauthn::Ceremony ceremony);
    Task<PasskeyResult<Passkey>> complete_addition(Addition addition, Principal user, dns::IpAddress peer);
    Task<Result<std::optional<Known>>> look_up(std::string credential_id);
    Task<PasskeyResult<OpenedSession>> complete(const Attempt& attempt);
    Task<PasskeyResult<OpenedSession>> check_and_open(const Attempt& attempt, const PendingPasskey& pending,
                                                      const std::optional<Known>& known, WallClock::time_point now);
    Task<PasskeyResult<OpenedSession>> open(const Attempt& attempt, const Known& known, std::uint32_t count,
                                            WallClock::time_point now);

    Ports ports_;
    std::mutex mutex_;  // guards pending_
    Pending<PendingPasskey, &PendingPasskey::challenge> pending_;
    Counter &done_, &refused_, &failed_;
};

}  // namespace relevo

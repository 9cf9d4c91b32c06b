// Why programs could not log in, kept for the people who must change a setting there: one row per cause, source and
// port, with a count. Passwords are never in it.
#pragma once

#include "core/ports/committer.h"
#include "core/ports/database.h"
#include "core/ports/log.h"
#include "core/tenancy/model.h"
#include "lib/dns/record.h"
#include "lib/mail/report.h"

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Kept as numbers: never give one another meaning.
enum class LoginProblem : std::uint8_t {
    tls_at_plain_port = 1,       // TLS at once where STARTTLS is due
    plain_text_at_tls_port = 2,  // the other way round
    tls_version_old = 3,
    certificate_refused = 4,  // the client does not trust ours
    tls_failed = 5,           // for another reason, or the client left in the middle of the handshake
    login_without_tls = 6,
    mechanism_not_offered = 7,
    exchange_broken = 8,  // not what the mechanism prescribes
    login_unknown = 9,
    password_wrong = 10,
    smtp_off = 11,
    credential_expired = 12,
    tenant_suspended = 13,
    network_not_of_credential = 14,
    network_not_allowed = 15,  // nobody may connect from there
    held_back = 16,            // after too many failures
    no_login = 17,             // it wanted to send without one
};

// What a problem is called, what it means, and what to change in the program. {tls_ports}, {starttls_ports}, {login},
// {address}, {port} and {mechanisms} stand for values.
struct LoginProblemWords {
    LoginProblem problem;
    std::string_view name;                            // stable
    std::array<std::string_view, 2> meaning, advice;  // English, Spanish
};
[[nodiscard]] std::span<const LoginProblemWords> login_problem_words();
[[nodiscard]] const LoginProblemWords& words_of(LoginProblem problem);

struct FailedLogin {
    LoginProblem problem = LoginProblem::tls_failed;
    TenantId tenant{};          // zero: it is not known whose
    CredentialId credential{};  // zero: there is none of that login, or none was named
    dns::IpAddress address{};   // of the client
    std::uint16_t port = 0;     // ours
    std::string login{};        // as it was typed, cut; "" if it did not come to that
    std::string mechanism{};
    std::string client_name{};  // of EHLO
    std::string detail{};       // in the words of TLS or of the mechanism
    std::int64_t attempts = 1;
    WallClock::time_point first_at{}, last_at{};
};

// Gathers them in memory and writes them at most every few seconds. When more sources fail at once than are gathered,
// the newest are forgotten; the rows are bounded for each tenant, and those that ended first make room. Threads: any.
class FailedLogins {
 public:
    struct Ports {
        Executor executor;  // ends of its own writes are posted there
        Committer& committer;
        Log& log;
    };
    explicit FailedLogins(Ports ports) : ports_(std::move(ports)) {}

    // `now` becomes first_at and last_at.
    void note(FailedLogin failed, WallClock::time_point now);
    // What was noted until now is in the store when it returns. Errors: those of the store; it is forgotten then.
    Task<Result<void>> write();

 private:
    struct Key {
        std::int64_t tenant = 0, credential = 0;
        std::string address;  // as the guard counts
        std::uint16_t port = 0;
        LoginProblem problem{};
        auto operator<=>(const Key&) const = default;
    };
    using Gathered = std::map<Key, FailedLogin>;
    [[nodiscard]] std::shared_ptr<const Gathered> take();
    void write_in_background();
    static Result<void> insert(Transaction& transaction, const Gathered& gathered);

    Ports ports_;
    std::mutex mutex_;
    Gathered gathered_;
    bool is_writing_ = false;
    WallClock::time_point written_at_{};
};

// Newest first. A tenant sees its own, and what came from addresses where it is known from: of those without a login.
struct FailedLoginFilter {
    std::optional<TenantId> tenant;          // nothing: all
    std::optional<CredentialId> credential;  // its own, and what came from addresses where it is known from
    std::int64_t limit = 100;
};
[[nodiscard]] Result<std::vector<FailedLogin>> list_failed_logins(Reader& reader, const FailedLoginFilter& filter);
// Drops what did not happen again for 30 days.
[[nodiscard]] Result<void> forget_failed_logins(Transaction& transaction, WallClock::time_point now);

}  // namespace relevo

// The central relay's rows about offices: enrolment tokens, and what came of them. Threads: the committer's
// (Transaction) or the reader's (Reader).
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/model.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct LanOfficeTag {
    static constexpr std::string_view prefix = "lan";
};
using LanOfficeId = Identifier<LanOfficeTag>;

enum class LanOfficeState : std::uint8_t { waiting, expired, enrolled, revoked };
[[nodiscard]] std::string_view name_of(LanOfficeState state);

struct LanOffice {
    LanOfficeId id;
    TenantId tenant;
    std::string label;
    std::string login;
    WallClock::time_point created_at, expires_at;
    WallClock::time_point enrolled_at{}, revoked_at{};  // the epoch: never
    CredentialId credential;                            // once enrolled

    [[nodiscard]] LanOfficeState state(WallClock::time_point now) const;
};

struct NewLanOffice {
    TenantId tenant;
    std::string label;
    std::string login;   // suggest_login()
    std::string secret;  // generate_password(); only its hash is kept: it has 130 random bits
    WallClock::time_point expires_at;
};

// Errors: invalid – the label (1 to 100 octets of UTF-8 without control characters), or an expiry that is not within
// the next 30 days. conflict – the login is taken.
[[nodiscard]] Result<LanOfficeId> create_office(Transaction& transaction, const NewLanOffice& office,
                                                WallClock::time_point now);
[[nodiscard]] Result<std::vector<LanOffice>> list_offices(Reader& reader);
// By label, login or id. Errors: not_found. conflict – several have that label.
[[nodiscard]] Result<LanOffice> find_office(Reader& reader, std::string_view text);
// A token that waits works no more; the login of an enrolled office is disabled. Errors: conflict – done already.
[[nodiscard]] Result<void> revoke_office(Transaction& transaction, const LanOffice& office, WallClock::time_point now);

enum class Enrolment : std::uint8_t {
    done,
    wrong,  // no such login, or another secret: the same to whoever guesses
    used,
    expired,
    revoked,
};
// Makes the office's credential with the password behind `password`, once.
[[nodiscard]] Result<Enrolment> enrol_office(Transaction& transaction, std::string_view login, std::string_view secret,
                                             const StoredSecret& password, WallClock::time_point now);

}  // namespace relevo

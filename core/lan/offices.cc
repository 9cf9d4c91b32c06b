#include "core/lan/offices.h"

#include "core/tenancy/credentials.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

constexpr std::size_t label_limit_octets = 100;
constexpr std::chrono::days longest_wait{30};

std::int64_t column(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}
WallClock::time_point time(std::int64_t column) { return WallClock::time_point(std::chrono::milliseconds(column)); }

std::string hash_of(std::string_view secret) {
    std::array<unsigned char, crypto_generichash_BYTES> digest{};
    crypto_generichash(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(secret.data()),
                       secret.size(), nullptr, 0);
    return encode_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= label_limit_octets && is_utf8(text) &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

LanOffice office_of(const Row& row) {
    return {.id = LanOfficeId{row.integer(0)},
            .tenant = TenantId{row.integer(1)},
            .label = std::string(row.text(2)),
            .login = std::string(row.text(3)),
            .created_at = time(row.integer(4)),
            .expires_at = time(row.integer(5)),
            .enrolled_at = time(row.integer(6)),
            .revoked_at = time(row.integer(7)),
            .credential = CredentialId{row.integer(8)}};
}

}  // namespace

std::string_view name_of(LanOfficeState state) {
    switch (state) {
        case LanOfficeState::waiting: return "waiting";
        case LanOfficeState::expired: return "expired";
        case LanOfficeState::enrolled: return "enrolled";
        case LanOfficeState::revoked: return "revoked";
    }
    return "unknown";
}

LanOfficeState LanOffice::state(WallClock::time_point now) const {
    if (revoked_at != WallClock::time_point{}) return LanOfficeState::revoked;
    if (enrolled_at != WallClock::time_point{}) return LanOfficeState::enrolled;
    return expires_at <= now ? LanOfficeState::expired : LanOfficeState::waiting;
}

Result<LanOfficeId> create_office(Transaction& transaction, const NewLanOffice& office, WallClock::time_point now) {
    if (!is_label(office.label))
        return failure(ErrorKind::invalid,
                       "the label must have 1 to 100 octets of text: name the office, such as "
                       "--label \"Madrid office\"");
    if (office.expires_at <= now || office.expires_at > now + longest_wait)
        return failure(ErrorKind::invalid, "a token must expire within the next 30 days");
    RELEVO_TRY(const std::string login, canonical_login(office.login));
    std::int64_t last = 0, taken = 0;
    RELEVO_CHECK(
        transaction.query("SELECT coalesce(max(id), 0) FROM lan_office", {}, [&](const Row& row) -> Result<void> {
            last = row.integer(0);
            return {};
        }));
    RELEVO_CHECK(
        transaction.query("SELECT (SELECT count(*) FROM credential WHERE login = $1) + (SELECT count(*) FROM "
                          "lan_office WHERE login = $1)",
                          {std::string_view(login)}, [&](const Row& row) -> Result<void> {
                              taken = row.integer(0);
                              return {};
                          }));
    if (taken > 0) return failure(ErrorKind::conflict, "the login \"" + login + "\" is taken: try again");
    const std::string hash = hash_of(office.secret);
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO lan_office (id, tenant_id, label, login, secret_hash, created_at, expires_at, enrolled_at,"
        " revoked_at, credential_id) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0)",
        {last + 1, office.tenant.value, std::string_view(office.label), std::string_view(login), std::string_view(hash),
         column(now), column(office.expires_at)}));
    return LanOfficeId{last + 1};
}

Result<std::vector<LanOffice>> list_offices(Reader& reader) {
    std::vector<LanOffice> offices;
    RELEVO_CHECK(
        reader.query("SELECT id, tenant_id, label, login, created_at, expires_at, enrolled_at, revoked_at,"
                     " credential_id FROM lan_office ORDER BY id",
                     {}, [&](const Row& row) -> Result<void> {
                         offices.push_back(office_of(row));
                         return {};
                     }));
    return offices;
}

Result<LanOffice> find_office(Reader& reader, std::string_view text) {
    RELEVO_TRY(const std::vector<LanOffice> all, list_offices(reader));
    const auto id = LanOfficeId::parse(text);
    const LanOffice* found = nullptr;
    for (const LanOffice& office : all) {
        if (office.login == text || (id.has_value() && office.id == *id)) return office;
        if (office.label != text) continue;
        if (found != nullptr)
            return failure(ErrorKind::conflict, "several offices are called \"" + printable(text, 100) +
                                                    "\": name one by its id; see: relevo lan token list");
        found = &office;
    }
    if (found != nullptr) return *found;
    return failure(ErrorKind::not_found,
                   "there is no office \"" + printable(text, 100) + "\"; see: relevo lan token list");
}

Result<void> revoke_office(Transaction& transaction, const LanOffice& office, WallClock::time_point now) {
    if (office.state(now) == LanOfficeState::revoked)
        return failure(ErrorKind::conflict, "the office \"" + office.label + "\" is revoked already");
    RELEVO_CHECK(
        transaction.execute("UPDATE lan_office SET revoked_at = $2 WHERE id = $1", {office.id.value, column(now)}));
    if (!office.credential) return {};
    const auto disabled = set_smtp_enabled(transaction, office.credential, false);
    if (!disabled.has_value() && disabled.error().kind != ErrorKind::not_found) return disabled;
    return {};
}

Result<Enrolment> enrol_office(Transaction& transaction, std::string_view login, std::string_view secret,
                               const StoredSecret& password, WallClock::time_point now) {
    std::optional<LanOffice> office;
    std::string hash;
    RELEVO_CHECK(
        transaction.query("SELECT id, tenant_id, label, login, created_at, expires_at, enrolled_at, revoked_at,"
                          " credential_id, secret_hash FROM lan_office WHERE login = $1",
                          {login}, [&](const Row& row) -> Result<void> {
                              office = office_of(row);
                              hash = row.text(9);
                              return {};
                          }));
    const std::string given = hash_of(secret);
    if (!office || hash.size() != given.size() || sodium_memcmp(hash.data(), given.data(), hash.size()) != 0)
        return Enrolment::wrong;
    switch (office->state(now)) {
        case LanOfficeState::revoked: return Enrolment::revoked;
        case LanOfficeState::enrolled: return Enrolment::used;
        case LanOfficeState::expired: return Enrolment::expired;
        case LanOfficeState::waiting: break;
    }
    NewCredential credential;
    credential.tenant = office->tenant;
    credential.login = office->login;
    credential.label = office->label;
    RELEVO_TRY(const CredentialId id, create_credential(transaction, credential, password, now));
    RELEVO_CHECK(transaction.execute("UPDATE lan_office SET enrolled_at = $2, credential_id = $3 WHERE id = $1",
                                     {office->id.value, column(now), id.value}));
    return Enrolment::done;
}

}  // namespace relevo

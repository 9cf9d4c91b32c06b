#include "core/lan/devices.h"
#include "core/lan/lan_table.h"
#include "core/lan/offices.h"
#include "core/lan/schema.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/secret.h"
#include "core/tenancy/store_fixture.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using std::chrono::hours;

class LanRows : public testing::Test {
 protected:
    LanRows() {
        EXPECT_TRUE(
            store.write([](Transaction& rows) { return rows.define(lan_migrations().front().sql); }).has_value());
        tenant =
            store.write([&](Transaction& rows) { return create_tenant(rows, "acme", mail::Language::spanish, now); })
                .value();
    }
    Result<LanOfficeId> create(std::string label = "Madrid office", std::string login = "acme-7k2m") {
        return store.write([&](Transaction& rows) {
            return create_office(rows,
                                 {.tenant = tenant,
                                  .label = std::move(label),
                                  .login = std::move(login),
                                  .secret = "the secret",
                                  .expires_at = now + hours(24)},
                                 now);
        });
    }
    Enrolment enrol(std::string_view secret, WallClock::time_point at, std::string_view login = "acme-7k2m") {
        return store.write([&](Transaction& rows) { return enrol_office(rows, login, secret, password, at); }).value();
    }
    LanOffice office() {
        return store.read([](Reader& reader) { return find_office(reader, "Madrid office"); }).value();
    }
    Result<void> revoke(WallClock::time_point at) {
        return store.write([&](Transaction& rows) -> Result<void> {
            RELEVO_TRY(const LanOffice found, find_office(rows, "acme-7k2m"));
            return revoke_office(rows, found, at);
        });
    }

    test::Store store;
    const WallClock::time_point now = WallClock::time_point(hours(500'000));
    TenantId tenant;
    const StoredSecret password = make_secret("a-password-of-the-office", system_random()).value();
};

TEST_F(LanRows, ATokenEnrolsOneOfficeOnce) {
    ASSERT_TRUE(create().has_value());
    EXPECT_EQ(office().state(now), LanOfficeState::waiting);
    EXPECT_EQ(enrol("another secret", now), Enrolment::wrong);
    EXPECT_EQ(enrol("the secret", now, "acme-none"), Enrolment::wrong);
    EXPECT_EQ(enrol("the secret", now + hours(23)), Enrolment::done);
    EXPECT_EQ(enrol("the secret", now + hours(23)), Enrolment::used);
    EXPECT_EQ(enrol("another secret", now), Enrolment::wrong) << "only who knows the secret is told more";
    EXPECT_EQ(office().state(now), LanOfficeState::enrolled);
    const auto row = store.read([](Reader& reader) { return find_credential(reader, "acme-7k2m"); });
    ASSERT_TRUE(row.has_value());
    EXPECT_EQ(row->credential.tenant, tenant);
    EXPECT_EQ(row->credential.label, "Madrid office");
    EXPECT_FALSE(row->credential.has_expiry()) << "the expiry was the token's";
}

TEST_F(LanRows, ATokenExpires) {
    ASSERT_TRUE(create().has_value());
    EXPECT_EQ(enrol("the secret", now + hours(24)), Enrolment::expired);
    EXPECT_EQ(office().state(now + hours(24)), LanOfficeState::expired);
}

TEST_F(LanRows, RevokingStopsATokenAndAnOffice) {
    ASSERT_TRUE(create().has_value());
    ASSERT_TRUE(revoke(now).has_value());
    EXPECT_EQ(enrol("the secret", now), Enrolment::revoked);
    EXPECT_EQ(revoke(now).error().kind, ErrorKind::conflict);

    ASSERT_TRUE(create("Lugo", "acme-2222").has_value());
    ASSERT_EQ(enrol("the secret", now, "acme-2222"), Enrolment::done);
    ASSERT_TRUE(store
                    .write([&](Transaction& rows) -> Result<void> {
                        RELEVO_TRY(const LanOffice lugo, find_office(rows, "Lugo"));
                        return revoke_office(rows, lugo, now);
                    })
                    .has_value());
    const auto row = store.read([](Reader& reader) { return find_credential(reader, "acme-2222"); });
    EXPECT_FALSE(row.value().credential.smtp_enabled);
}

TEST_F(LanRows, TheSecretIsNotInTheStore) {
    ASSERT_TRUE(create().has_value());
    std::string kept;
    ASSERT_TRUE(store
                    .read([&](Reader& reader) -> Result<void> {
                        return reader.query("SELECT secret_hash FROM lan_office", {},
                                            [&](const Row& row) -> Result<void> {
                                                kept = row.text(0);
                                                return {};
                                            });
                    })
                    .has_value());
    EXPECT_FALSE(kept.empty());
    EXPECT_EQ(kept.find("the secret"), std::string::npos);
}

TEST_F(LanRows, RefusesLabelsAndTimesThatCannotBe) {
    EXPECT_EQ(create("").error().kind, ErrorKind::invalid);
    EXPECT_EQ(create(std::string("a\nb")).error().kind, ErrorKind::invalid);
    EXPECT_EQ(create(std::string(101, 'x')).error().kind, ErrorKind::invalid);
    ASSERT_TRUE(create().has_value());
    EXPECT_EQ(create("Lugo").error().kind, ErrorKind::conflict) << "the login is taken";
    const auto late = store.write([&](Transaction& rows) {
        return create_office(
            rows, {.tenant = tenant, .label = "x", .login = "y", .secret = "z", .expires_at = now + hours(24 * 31)},
            now);
    });
    EXPECT_EQ(late.error().kind, ErrorKind::invalid);
}

TEST_F(LanRows, DevicesHaveNamesThatFitAHeaderField) {
    for (const std::string_view name : {"printer-2", "a", "scan.floor_1", "7"})
        EXPECT_TRUE(is_device_name(name)) << name;
    for (const std::string_view name : {"", "-a", "Printer", "a b", "a\r\nX", "ñ"})
        EXPECT_FALSE(is_device_name(name)) << name;
    EXPECT_FALSE(is_device_name(std::string(65, 'a')));
    const auto add = [&](LanDevice device) {
        return store.write([&](Transaction& rows) { return create_device(rows, device); });
    };
    EXPECT_TRUE(add({.name = "printer", .credential = {}, .grant = NetworkGrantId{4}, .created_at = now}).has_value());
    EXPECT_EQ(add({.name = "printer", .credential = CredentialId{1}, .grant = {}, .created_at = now}).error().kind,
              ErrorKind::conflict);
    EXPECT_TRUE(add({.name = "crm", .credential = CredentialId{9}, .grant = {}, .created_at = now}).has_value());
    const auto table = store.read([](Reader& reader) { return LanTable::load(reader); }).value();
    EXPECT_EQ(table->device_of({.tenant = tenant, .credential = {}, .grant = NetworkGrantId{4}}), "printer");
    EXPECT_EQ(table->device_of({.tenant = tenant, .credential = CredentialId{9}, .grant = {}}), "crm");
    EXPECT_EQ(table->device_of({.tenant = tenant, .credential = CredentialId{8}, .grant = {}}), "");
    EXPECT_TRUE(store.write([](Transaction& rows) { return remove_device(rows, "crm"); }).has_value());
    EXPECT_EQ(store.write([](Transaction& rows) { return remove_device(rows, "crm"); }).error().kind,
              ErrorKind::not_found);
}

}  // namespace
}  // namespace relevo

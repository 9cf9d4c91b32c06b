// LAN mode: who may name a device, what is written down, how an office enrols.
#include "core/lan/schema.h"
#include "core/lan/token.h"
#include "core/reception/reception_fixture.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string marked_mail = "From: a@example.com\r\nX-Relevo-Device: scanner\r\nSubject: hello\r\n\r\nText\r\n";

class ReceptionLan : public ReceptionTest {
 protected:
    ReceptionLan() { shared.lan = &book; }
    ~ReceptionLan() override { shared.lan = nullptr; }

    void accept(const std::string& mail, std::string_view login = "crm") {
        Client client = connect();
        client.greets().logs_in(login).expects("235").begins_mail().sends_content(mail).expects("250");
    }
    // "office/device" of the last message, from its event.
    std::string origin_of_last() { return store.events(accepted.back()->id).at(0).detail; }
    LanReport report() {
        LanReport found;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(found, book.report(reader, 0));
                                           return {};
                                       }))
                        .has_value());
        return found;
    }
    void use_office(CredentialId credential) {
        book.set_table(LanTable::of({{.id = LanOfficeId{7}, .tenant = TenantId{1}, .credential = credential}}, {}));
    }
    Task<Result<void>> refresh() {
        RELEVO_CO_CHECK(co_await read_rows(*store.committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(shared.directory, Directory::load(reader));
            return {};
        }));
        co_return Result<void>();
    }

    LanBook book{{.executor = store.shard.executor(),
                  .committer = *store.committer,
                  .log = log,
                  .passwords = passwords.get(),
                  .refresh = [this] { return refresh(); }}};
};

TEST_F(ReceptionLan, AnOfficeNamesItsDevices) {
    book.set_table(LanTable::of({}, {{.name = "printer", .credential = CredentialId{1}}}));
    accept(marked_mail);
    EXPECT_THAT(content_of_last(), HasSubstr("X-Relevo-Device: printer\r\n"));
    EXPECT_THAT(content_of_last(), Not(HasSubstr("scanner"))) << "a device cannot pass for another";
    EXPECT_THAT(origin_of_last(), HasSubstr("\"device\":\"printer\""));
    ASSERT_EQ(report().devices.size(), 1U);
    EXPECT_EQ(report().devices[0].origin, (LanOrigin{{}, "printer"}));
    EXPECT_EQ(report().devices[0].messages, 1);
}

TEST_F(ReceptionLan, TheCentralRelayBelievesAnOffice) {
    use_office(CredentialId{1});
    accept(marked_mail);
    EXPECT_THAT(content_of_last(), Not(HasSubstr("X-Relevo-Device"))) << "it stays in the house";
    EXPECT_THAT(content_of_last(), HasSubstr("Subject: hello\r\n\r\nText\r\n"));
    EXPECT_EQ(report().devices.at(0).origin, (LanOrigin{LanOfficeId{7}, "scanner"}));
}

TEST_F(ReceptionLan, NobodyElseIsBelieved) {
    use_office(CredentialId{2});
    accept(marked_mail);
    EXPECT_THAT(content_of_last(), Not(HasSubstr("X-Relevo-Device")));
    EXPECT_THAT(origin_of_last(), Not(HasSubstr("device")));
    EXPECT_TRUE(report().devices.empty());
}

TEST_F(ReceptionLan, ANameThatIsNoneCountsAsNoName) {
    use_office(CredentialId{1});
    accept("From: a@example.com\r\nX-Relevo-Device: a b;<c>\r\n\r\nText\r\n");
    EXPECT_EQ(report().devices.at(0).origin, (LanOrigin{LanOfficeId{7}, ""}));
}

TEST_F(ReceptionLan, WhatIsNotTakenFromADeviceIsWrittenDown) {
    book.set_table(LanTable::of({}, {{.name = "printer", .credential = CredentialId{1}}}));
    Client client = connect();
    client.greets().logs_in().expects("235").sends("MAIL FROM:<a@elsewhere.example>").expects("550");
    EXPECT_TRUE(store.run_until([&] { return !report().devices.empty(); }));
    EXPECT_EQ(report().devices.at(0).not_taken, 1);
    EXPECT_THAT(report().devices.at(0).problem, HasSubstr("elsewhere.example"));
}

class ReceptionEnrolment : public ReceptionLan {
 protected:
    ReceptionEnrolment() {
        EXPECT_TRUE(store
                        .write([&](Transaction& rows) -> Result<void> {
                            RELEVO_CHECK(rows.define(lan_migrations().front().sql));
                            RELEVO_TRY(const TenantId tenant,
                                       create_tenant(rows, "acme", mail::Language::english, WallClock::now()));
                            RELEVO_TRY(const LanOfficeId office,
                                       create_office(rows,
                                                     {.tenant = tenant,
                                                      .label = "Lugo",
                                                      .login = "acme-1",
                                                      .secret = "secret",
                                                      .expires_at = WallClock::now() + hours(1)},
                                                     WallClock::now()));
                            return office ? Result<void>() : failure(ErrorKind::internal, "no id");
                        })
                        .has_value());
    }
    Client& log_in_with(Client& client, std::string_view with) { return client.greets().logs_in("acme-1", with); }
};

TEST_F(ReceptionEnrolment, ATokenMakesALoginOnceAndSaysSoAfterwards) {
    const std::string chosen = "the-office-chose-this";
    {
        Client client = connect();
        log_in_with(client, enrolment_password("wrong", chosen)).expects("535 5.7.8 Authentication failed");
    }
    {
        Client client = connect();
        log_in_with(client, enrolment_password("secret", "short")).expects("535 5.7.8 Authentication failed");
    }
    {
        Client client = connect();
        log_in_with(client, enrolment_password("secret", chosen)).expects("235");
    }
    {
        Client client = connect();
        log_in_with(client, chosen).expects("235");
    }
    {
        Client client = connect();
        log_in_with(client, enrolment_password("secret", "another-password")).expects_text("used already");
    }
    Client client = connect();
    log_in_with(client, chosen).expects("235");
}

TEST_F(ReceptionEnrolment, ARevokedTokenIsNamedAsSuchToWhoHasIt) {
    EXPECT_TRUE(store
                    .write([&](Transaction& rows) -> Result<void> {
                        RELEVO_TRY(const LanOffice office, find_office(rows, "Lugo"));
                        return revoke_office(rows, office, WallClock::now());
                    })
                    .has_value());
    Client client = connect();
    log_in_with(client, enrolment_password("secret", "the-office-chose-this")).expects_text("was revoked");
}

}  // namespace
}  // namespace relevo::test

// Why programs could not log in (requirement G5): each cause leaves one row that names it, and no password.
#include "core/reception/reception_fixture.h"
#include "core/tenancy/failed_logins.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ReceptionFailures : public ReceptionTest {
 protected:
    ReceptionFailures() { shared.failed_logins = &book; }

    std::vector<FailedLogin> failures(const FailedLoginFilter& filter = {}) {
        EXPECT_TRUE(store.run(book.write()).has_value());
        std::vector<FailedLogin> all;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(all, list_failed_logins(reader, filter));
                                           return {};
                                       }))
                        .has_value());
        return all;
    }
    std::vector<LoginProblem> problems() {
        std::vector<LoginProblem> all;
        for (const FailedLogin& failed : failures()) all.push_back(failed.problem);
        std::ranges::sort(all);
        return all;
    }

    FailedLogins book{{.executor = store.shard.executor(), .committer = *store.committer, .log = log}};
};

TEST_F(ReceptionFailures, AWrongPasswordAndAnUnknownLoginAreToldApart) {
    Client client = connect();
    client.greets().logs_in("crm", "not-the-password").expects("535");
    client.logs_in("anna@example.com", "s3cret").expects("535");
    client.logs_in("off").expects("5");
    const auto all = failures();
    ASSERT_EQ(all.size(), 3U);
    const auto of = [&](LoginProblem problem) { return *std::ranges::find(all, problem, &FailedLogin::problem); };
    const FailedLogin wrong = of(LoginProblem::password_wrong);
    EXPECT_EQ(wrong.credential, CredentialId{1});
    EXPECT_EQ(wrong.tenant, TenantId{1});
    EXPECT_EQ(wrong.login, "crm");
    EXPECT_EQ(wrong.mechanism, "PLAIN");
    EXPECT_EQ(wrong.client_name, "client.example");
    EXPECT_EQ(wrong.address.text(), "192.0.2.7");
    const FailedLogin unknown = of(LoginProblem::login_unknown);
    EXPECT_EQ(unknown.login, "anna@example.com");
    EXPECT_EQ(unknown.tenant, TenantId{1}) << "the domain is the tenant's";
    EXPECT_FALSE(unknown.credential);
    EXPECT_EQ(of(LoginProblem::smtp_off).credential, CredentialId{4});
    for (const FailedLogin& failed : all)
        for (const std::string& text : {failed.login, failed.detail, failed.mechanism, failed.client_name})
            EXPECT_THAT(text, Not(testing::AnyOf(HasSubstr("not-the-password"), HasSubstr("s3cret"))));
}

TEST_F(ReceptionFailures, ASessionThatNeverCameToALoginSaysWhy) {
    listener.session.authentication_without_tls = false;
    connect("192.0.2.1").greets().sends("MAIL FROM:<a@example.com>").expects("530");
    connect("192.0.2.2").greets().sends("AUTH PLAIN").expects("538");
    connect("192.0.2.3").expects("220").sends_octets({"\x16\x03\x01\x02\x00\x01", 6});
    Client other = connect("192.0.2.4");
    other.greets().starts_tls().sends("EHLO a.example").expects("250");
    other.sends("AUTH CRAM-MD5").expects("504").sends("MAIL FROM:<a@example.com>").expects("530");
    EXPECT_TRUE(store.run_until([&] { return log.count("smtp.ended") >= 1; }));
    using enum LoginProblem;
    EXPECT_THAT(problems(),
                ElementsAre(tls_at_plain_port, login_without_tls, login_without_tls, mechanism_not_offered, no_login));
}

TEST_F(ReceptionFailures, AFailedHandshakeSaysWhatTheClientDidNotLike) {
    const auto fails = [&](std::string_view from, TlsFault fault) {
        MemoryStreamOptions broken;
        broken.tls_failure = Error{ErrorKind::invalid, "TLS: unsupported protocol"};
        broken.tls_fault = fault;
        Client client = connect(from, broken);
        client.greets().sends("STARTTLS").expects("220");
        const auto shaken = store.run([](MemoryStream& stream) -> Task<Result<TlsInfo>> {
            co_return co_await stream.start_tls_client({}, Clock::now() + seconds(3));
        }(client.stream()));
        EXPECT_FALSE(shaken.has_value());
        client.expects_close();
    };
    fails("192.0.2.1", TlsFault::version_too_old);
    fails("192.0.2.2", TlsFault::certificate_refused);
    fails("192.0.2.3", TlsFault::other);
    using enum LoginProblem;
    EXPECT_THAT(problems(), ElementsAre(tls_version_old, certificate_refused, tls_failed));
    listener.implicit_tls = true;
    connect("192.0.2.4").sends("EHLO client.example").expects("5").expects_close();
    EXPECT_EQ(problems().at(0), plain_text_at_tls_port);
}

TEST_F(ReceptionFailures, OtherMailServersAreNotAsked) {
    listener.session.authentication = smtp::Authentication::not_offered;
    connect().expects("220").sends_octets({"\x16\x03\x01\x02\x00\x01", 6});
    EXPECT_TRUE(store.run_until([&] { return log.count("smtp.ended") >= 1; }));
    EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ReceptionFailures, OurOwnChecksAreNotTold) {
    connect().expects("220").sends("EHLO relay-check.invalid").expects("250").sends("MAIL FROM:<>").expects("530");
    EXPECT_THAT(failures(), IsEmpty());
}

TEST_F(ReceptionFailures, TheSameAgainIsCountedAndNotRepeated) {
    for (int round = 0; round < 3; ++round) {
        Client client = connect();
        client.greets().logs_in("crm", "wrong").expects("535");
        if (round == 1) EXPECT_EQ(failures().size(), 1U);
    }
    const auto all = failures();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].attempts, 3);
    EXPECT_LE(all[0].first_at, all[0].last_at);
}

// security row E9: a tenant sees no login that somebody else typed, and nothing from where it is not known.
TEST_F(ReceptionFailures, ATenantSeesItsOwnAndWhatCameFromWhereItIs) {
    connect("192.0.2.7").greets().logs_in("crm", "wrong").expects("535");
    connect("192.0.2.7").greets().logs_in("of-somebody-else", "wrong").expects("535");
    connect("192.0.2.7").greets().sends("MAIL FROM:<a@example.com>").expects("530");
    connect("198.51.100.1").greets().sends("MAIL FROM:<a@example.com>").expects("530");
    EXPECT_EQ(failures().size(), 4U);
    EXPECT_EQ(failures({.tenant = TenantId{2}}).size(), 0U);
    for (const FailedLoginFilter& filter :
         {FailedLoginFilter{.tenant = TenantId{1}}, FailedLoginFilter{.credential = CredentialId{1}}}) {
        const auto own = failures(filter);
        ASSERT_EQ(own.size(), 2U);
        for (const FailedLogin& failed : own) {
            EXPECT_EQ(failed.address.text(), "192.0.2.7");
            EXPECT_NE(failed.login, "of-somebody-else");
        }
    }
}

// security row A16: who fails from everywhere fills neither memory nor store.
TEST_F(ReceptionFailures, RowsOfStrangersAreBounded) {
    const auto now = WallClock::now();
    for (int round = 0; round < 4; ++round) {
        for (std::uint32_t host = 0; host < 4000; ++host) {
            FailedLogin failed{.problem = LoginProblem::no_login};
            failed.address = dns::IpAddress::parse(fmt::format("10.{}.{}.{}", round, host / 250, host % 250)).value();
            book.note(std::move(failed), now + std::chrono::seconds(round));
        }
        FailedLogin known{
            .problem = LoginProblem::password_wrong, .tenant = TenantId{7}, .credential = CredentialId{7}};
        book.note(std::move(known), now);
        ASSERT_TRUE(store.run(book.write()).has_value());
    }
    EXPECT_LE(failures({.limit = 100'000}).size(), 10'001U);
    EXPECT_EQ(failures({.tenant = TenantId{7}}).at(0).attempts, 4) << "strangers leave room for it";
    CommitRequest later;
    later.rows = [now](Transaction& rows, const std::vector<ContentToStore>&) {
        return forget_failed_logins(rows, now + std::chrono::hours(31 * 24));
    };
    ASSERT_TRUE(store.run(commit(*store.committer, std::move(later))).has_value());
    EXPECT_THAT(failures({.limit = 100'000}), IsEmpty());
}

TEST_F(ReceptionFailures, EveryProblemHasWordsInBothLanguages) {
    for (const LoginProblemWords& words : login_problem_words()) {
        EXPECT_EQ(words_of(words.problem).name, words.name);
        EXPECT_NE(words.meaning[0], words.meaning[1]);
        EXPECT_NE(words.advice[0], words.advice[1]);
    }
}

}  // namespace
}  // namespace relevo::test

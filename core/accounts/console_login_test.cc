#include "core/accounts/console_login.h"

#include "adapters/memory/key_vault.h"
#include "adapters/memory/telemetry.h"
#include "core/accounts/account_book.h"
#include "core/accounts/schema.h"
#include "core/accounts/second_factor.h"
#include "core/accounts/store_fixture.h"
#include "core/accounts/token.h"
#include "core/accounts/totp.h"
#include "core/spool/spool_fixture.h"

namespace relevo {
namespace {

using namespace std::chrono_literals;

std::vector<Migration> migrations() {
    std::vector<Migration> all;
    for (const auto list : {tenancy_migrations(), accounts_migrations()})
        all.insert(all.end(), list.begin(), list.end());
    return all;
}

class ConsoleLoginTest : public testing::Test {
 protected:
    ConsoleLoginTest() {
        EXPECT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                        RELEVO_TRY(anna, create_user(transaction,
                                                     {.login = "anna@example.com",
                                                      .role = Role::admin,
                                                      .password_hash = hash_password(password).value()},
                                                     now));
                        RELEVO_CHECK(create_user(transaction, {.login = "invited", .role = Role::admin}, now));
                        return {};
                    }).has_value());
    }
    Result<void> write(std::function<Result<void>(Transaction&)> work) { return store.write(std::move(work)); }
    LoginResult log_in(std::string given_login, std::string given_password, std::string code = "") {
        const auto result = store.run(login.log_in({.login = std::move(given_login),
                                                    .password = std::move(given_password),
                                                    .code = std::move(code),
                                                    .peer = peer,
                                                    .user_agent = "Firefox"}));
        EXPECT_TRUE(result.has_value()) << result.error().detail;
        return result.value_or(LoginResult{});
    }
    std::string outcome(std::string given_login, std::string given_password, std::string code = "") {
        return std::string(name_of(log_in(std::move(given_login), std::move(given_password), std::move(code)).outcome));
    }
    bool lives(const std::string& token) {
        return store
            .run(read_rows(*store.committer,
                           [&](Reader& reader) -> Result<void> {
                               RELEVO_CHECK(find_session(reader, token, now));
                               return {};
                           }))
            .has_value();
    }
    void add_second_factor() {
        EXPECT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                        RELEVO_CHECK(begin_totp(transaction, vault, anna, secret));
                        return confirm_totp(transaction, vault, anna, code(), codes, {}, now);
                    }).has_value());
        now += 5min;
    }
    std::string code() const { return totp_code(secret, totp_step(now)); }
    std::vector<AuditEntry> audit() {
        std::vector<AuditEntry> entries;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(const AuditPage page,
                                                      book.audit_reader().page(reader, {}, "", 500));
                                           entries = page.entries;
                                           return {};
                                       }))
                        .has_value());
        return entries;
    }

    const std::string password = "correct horse battery";
    std::vector<Migration> tables = migrations();
    test::SpoolStore store{test::CommitterThreads::none, tables};
    WallClock::time_point now = WallClock::now();
    RandomSource random = system_random();
    MemoryKeyVault vault;
    MemoryLog log;
    AccountBook book;
    LoginGuard guard{random, {.addresses = 1024, .accounts = 1024, .pairs = 1024}};
    std::unique_ptr<PasswordChecker> passwords = PasswordChecker::start(random).value();
    ConsoleLogin login{{.committer = *store.committer,
                        .passwords = *passwords,
                        .guard = guard,
                        .vault = [this] -> Result<KeyVault*> { return &vault; },
                        .random = random,
                        .audit = book.audit(),
                        .log = log,
                        .now = [this] { return now; }}};
    dns::IpAddress peer = test::office;
    std::string secret = generate_totp_secret(random);
    std::vector<std::string> codes = generate_recovery_codes(random);
    UserId anna;
};

TEST_F(ConsoleLoginTest, RightPasswordOpensASession) {
    const LoginResult result = log_in("Anna@Example.com", password);
    ASSERT_EQ(result.outcome, LoginOutcome::done);
    EXPECT_TRUE(lives(result.token));
    EXPECT_EQ(result.user.id, anna);
    EXPECT_EQ(result.user.last_login_at, std::chrono::floor<std::chrono::milliseconds>(now));
    ASSERT_EQ(audit().size(), 1U);
    EXPECT_EQ(audit().front().operation, "session.open");
    EXPECT_EQ(audit().front().principal, anna.value);
    EXPECT_EQ(audit().front().peer, "192.0.2.7");
}

TEST_F(ConsoleLoginTest, WrongUnknownAndUnsetPasswordLookTheSame) {
    EXPECT_EQ(outcome("anna@example.com", "wrong password"), "wrong");
    EXPECT_EQ(outcome("nobody", password), "wrong");
    EXPECT_EQ(outcome("invited", ""), "wrong");
    EXPECT_EQ(outcome("invited", password), "wrong");
    EXPECT_EQ(outcome("", ""), "wrong");
    EXPECT_EQ(outcome("no login at all \n", password), "wrong");
    EXPECT_EQ(outcome("anna@example.com", std::string(100'000, 'x')), "wrong");
    EXPECT_EQ(outcome("anna@example.com", password + std::string(1000, 'x')), "wrong");
}

// security row E3: no session fixation
TEST_F(ConsoleLoginTest, EachLoginHasAFreshSessionAndEndsTheOneBroughtAlong) {
    const LoginResult first = log_in("anna@example.com", password);
    const auto second = store.run(
        login.log_in({.login = "anna@example.com", .password = password, .peer = peer, .former_token = first.token}));
    ASSERT_TRUE(second.has_value());
    EXPECT_NE(second->token, first.token);
    EXPECT_FALSE(lives(first.token));
    EXPECT_TRUE(lives(second->token));
    const std::string planted = generate_session_token(random);
    const auto third = store.run(
        login.log_in({.login = "anna@example.com", .password = password, .peer = peer, .former_token = planted}));
    ASSERT_TRUE(third.has_value());
    EXPECT_NE(third->token, planted);
    EXPECT_FALSE(lives(planted));
}

TEST_F(ConsoleLoginTest, SecondFactorIsAskedForAndCountsOnce) {
    add_second_factor();
    EXPECT_EQ(outcome("anna@example.com", password), "code_needed");
    EXPECT_EQ(outcome("anna@example.com", "wrong password", code()), "wrong");
    EXPECT_EQ(outcome("anna@example.com", password, "000000"), code() == "000000" ? "done" : "wrong_code");
    const std::string right = code();
    const LoginResult result = log_in("anna@example.com", password, right);
    EXPECT_EQ(result.outcome, LoginOutcome::done);
    EXPECT_TRUE(lives(result.token));
    const LoginResult replayed = log_in("anna@example.com", password, right);
    EXPECT_EQ(replayed.outcome, LoginOutcome::wrong_code);
    EXPECT_TRUE(replayed.token.empty());
    EXPECT_EQ(outcome("anna@example.com", password, codes[0]), "done");
    EXPECT_EQ(outcome("anna@example.com", password, codes[0]), "wrong_code");
}

TEST_F(ConsoleLoginTest, DisabledUserIsToldOnlyWithTheRightPassword) {
    EXPECT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                    RELEVO_CHECK(create_user(
                        transaction,
                        {.login = "other", .role = Role::admin, .password_hash = hash_password(password).value()},
                        now));
                    return set_user_enabled(transaction, anna, false, now);
                }).has_value());
    EXPECT_EQ(outcome("anna@example.com", "wrong password"), "wrong");
    EXPECT_EQ(outcome("anna@example.com", password), "disabled");
}

// security row A14
TEST_F(ConsoleLoginTest, GuessesAreHeldBackPerAddressAndPerAccount) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(outcome("anna@example.com", "wrong password"), "wrong");
    const LoginResult held = log_in("anna@example.com", password);
    EXPECT_EQ(held.outcome, LoginOutcome::held_back);
    EXPECT_GE(held.retry_after, 1s);
    EXPECT_EQ(outcome("nobody", "x"), "held_back");  // the address
    peer = dns::IpAddress::parse("198.51.100.1").value();
    EXPECT_EQ(outcome("anna@example.com", password), "held_back");  // the account
    now += 2min;
    EXPECT_EQ(outcome("anna@example.com", password), "done");
}

// security row A14
TEST_F(ConsoleLoginTest, GuessesOfTheCodeAreHeldBackToo) {
    add_second_factor();
    int tries = 0;
    while (outcome("anna@example.com", password, "00000" + std::to_string(tries % 10)) == "wrong_code" && tries < 50)
        ++tries;
    EXPECT_LE(tries, 10);
}

TEST_F(ConsoleLoginTest, OwnerAtAKnownAddressIsNotLockedOutByAnAttack) {
    EXPECT_EQ(outcome("anna@example.com", password), "done");
    peer = dns::IpAddress::parse("198.51.100.1").value();
    for (int i = 0; i < 20; ++i) (void)outcome("anna@example.com", "wrong password");
    EXPECT_EQ(outcome("anna@example.com", password), "held_back");
    peer = test::office;
    EXPECT_EQ(outcome("anna@example.com", password), "done");
    LoginGuard after_restart{random, {.addresses = 1024, .accounts = 1024, .pairs = 1024}};
    EXPECT_TRUE(store
                    .run(read_rows(*store.committer,
                                   [&](Reader& reader) { return load_known_addresses(reader, after_restart); }))
                    .has_value());
    EXPECT_EQ(store.number("SELECT count(*) FROM login_address WHERE login = 'console anna@example.com'"), 1);
}

TEST_F(ConsoleLoginTest, OwnPasswordIsConfirmedAndGuessingItHeldBack) {
    const auto confirm = [&](std::string given) {
        return std::string(name_of(store.run(login.confirm_password(anna, std::move(given), peer)).value()));
    };
    EXPECT_EQ(confirm(password), "done");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(confirm("wrong password"), "wrong");
    EXPECT_EQ(confirm(password), "held_back");
}

// security row E12
TEST_F(ConsoleLoginTest, NothingTypedIsWrittenDown) {
    add_second_factor();
    (void)outcome("hunter2-typed-as-login", "hunter2-typed-as-password", "hunter2-code");
    (void)outcome("anna@example.com", "hunter2-typed-as-password", "hunter2-code");
    (void)outcome("anna@example.com", password, "hunter2-code");
    EXPECT_EQ(outcome("anna@example.com", password, codes[1]), "done");
    ASSERT_EQ(audit().size(), 4U);
    for (const AuditEntry& entry : audit())
        for (const std::string& text : {entry.principal_name, entry.object_id, entry.detail, entry.operation}) {
            EXPECT_EQ(text.find("hunter2"), std::string::npos);
            EXPECT_EQ(text.find(password), std::string::npos);
            EXPECT_EQ(text.find(codes[1]), std::string::npos);
        }
    EXPECT_TRUE(log.lines().empty());
}

}  // namespace
}  // namespace relevo

#include "core/accounts/audit_log.h"

#include "core/accounts/account_book.h"
#include "core/accounts/store_fixture.h"
#include "core/accounts/users.h"

namespace relevo {
namespace {

using namespace std::chrono_literals;
using test::AccountStore;

class AuditLog : public testing::Test {
 protected:
    void write(AuditEntry entry) {
        const auto written =
            store.write([&](Transaction& transaction) { return book.audit().append(transaction, entry); });
        EXPECT_TRUE(written.has_value()) << written.error().detail;
    }
    AuditEntry entry(std::string_view operation, std::chrono::seconds after = {}) {
        return audit_entry(control_principal(), operation, store.start + after);
    }
    Result<AuditPage> page(const AuditFilter& filter, std::string_view cursor = "", std::size_t limit = 100) {
        return store.read([&](Reader& reader) { return book.audit_reader().page(reader, filter, cursor, limit); });
    }
    std::string operations(const AuditFilter& filter) {
        std::string text;
        for (const AuditEntry& one : page(filter).value().entries) text += (text.empty() ? "" : " ") + one.operation;
        return text;
    }

    AccountStore store;
    AccountBook book;
};

TEST_F(AuditLog, KeepsWhoDidWhatWhenAndFromWhere) {
    const User anna{.id = UserId{7}, .login = "anna", .role = Role::admin, .tenant = store.acme};
    AuditEntry written = audit_entry(principal_of(anna, SessionId{3}), "key.revoke", store.start);
    written.object_type = "key";
    written.object_id = "key_1";
    written.peer = "192.0.2.7";
    written.outcome = AuditOutcome::refused;
    written.detail = R"({"reason":"no"})";
    write(written);
    const AuditPage found = page({}).value();
    ASSERT_EQ(found.entries.size(), 1U);
    const AuditEntry& read = found.entries.front();
    EXPECT_TRUE(read.id);
    EXPECT_EQ(read.at, store.start);
    EXPECT_EQ(read.kind, PrincipalKind::session);
    EXPECT_EQ(read.principal, 7);
    EXPECT_EQ(read.principal_name, "anna");
    EXPECT_EQ(read.tenant, store.acme);
    EXPECT_EQ(read.operation, "key.revoke");
    EXPECT_EQ(read.object_id, "key_1");
    EXPECT_EQ(read.peer, "192.0.2.7");
    EXPECT_EQ(read.outcome, AuditOutcome::refused);
    EXPECT_EQ(read.detail, R"({"reason":"no"})");
    EXPECT_TRUE(found.next_cursor.empty());
}

TEST_F(AuditLog, PagesMeetEveryEntryOnceNewestFirstOverDays) {
    for (int i = 0; i < 30; ++i) write(entry("user.add", i * 4h));  // five days
    std::vector<std::int64_t> ids;
    std::string cursor;
    int pages = 0;
    do {
        const AuditPage one = page({}, cursor, 7).value();
        for (const AuditEntry& found : one.entries) ids.push_back(found.id.value);
        cursor = one.next_cursor;
        if (pages == 1) write(entry("user.add", 30 * 4h));  // a new one is not met by who is on the way
    } while (!cursor.empty() && ++pages < 20);
    ASSERT_EQ(ids.size(), 30U);
    EXPECT_TRUE(std::ranges::is_sorted(ids, std::ranges::greater()));
    EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
}

// security row E9
TEST_F(AuditLog, ShowsATenantItsOwnEntriesAlone) {
    write(entry("server.reload"));
    AuditEntry of_acme = entry("user.add");
    of_acme.tenant = store.acme;
    write(of_acme);
    AuditEntry of_other = entry("user.remove");
    of_other.tenant = TenantId{store.acme.value + 1};
    write(of_other);
    EXPECT_EQ(operations({.tenant = store.acme}), "user.add");
    EXPECT_EQ(operations({}), "user.remove user.add server.reload");
}

TEST_F(AuditLog, FiltersByOperationPrincipalObjectAndTime) {
    write(entry("user.add", 0h));
    write(entry("user.remove", 1h));
    AuditEntry by_key = entry("key.add", 48h);
    by_key.kind = PrincipalKind::key;
    by_key.principal = 9;
    by_key.object_id = "key_9";
    write(by_key);
    EXPECT_EQ(operations({.operation = "user."}), "user.remove user.add");
    EXPECT_EQ(operations({.operation = "user.add"}), "user.add");
    EXPECT_EQ(operations({.operation = "user"}), "");
    EXPECT_EQ(operations({.principal = 9}), "key.add");
    EXPECT_EQ(operations({.kind = PrincipalKind::key}), "key.add");
    EXPECT_EQ(operations({.object_id = "key_9"}), "key.add");
    EXPECT_EQ(operations({.from = store.start + 1h}), "key.add user.remove");
    EXPECT_EQ(operations({.until = store.start + 1h}), "user.add");
}

TEST_F(AuditLog, RefusesWhatIsNoCursor) {
    for (const std::string_view wrong : {"x", "1", "1-", "-1", "1-2-3", "1-x", "99999999999999999999-1"})
        EXPECT_EQ(page({}, wrong).error().kind, ErrorKind::invalid) << wrong;
    EXPECT_EQ(page({}, "", 0).error().kind, ErrorKind::invalid);
    EXPECT_EQ(page({}, "", 501).error().kind, ErrorKind::invalid);
}

// security row E13
TEST_F(AuditLog, TextsFromOutsideStayOnOneLineAndWithinBounds) {
    AuditEntry wild = entry("user.add");
    wild.principal_name = std::string("a\r\n\x1b[31m\xe2\x80\xae") + std::string(1000, 'x');
    wild.detail = "{" + std::string(5000, ' ') + "}";
    write(wild);
    const AuditEntry read = page({}).value().entries.front();
    EXPECT_EQ(read.principal_name.find_first_of("\r\n\x1b"), std::string::npos);
    EXPECT_EQ(read.principal_name.find("\xe2\x80\xae"), std::string::npos);
    EXPECT_LE(read.principal_name.size(), 210U);
    EXPECT_EQ(read.detail, "{}");
}

TEST_F(AuditLog, IsKeptLongerThanMessagesAndThenDropped) {
    write(entry("user.add"));
    write(entry("user.remove", 48h));
    const auto forget_messages = store.write([&](Transaction& transaction) {
        return drop_history_before(transaction, day_of(store.start) + 100,
                                   [](std::int64_t) -> Result<bool> { return false; });
    });
    EXPECT_EQ(forget_messages.value(), 0);
    EXPECT_EQ(operations({}), "user.remove user.add");
    const auto forget = [&](std::chrono::hours after) {
        return store.write([&](Transaction& transaction) -> Result<void> {
            return AccountBook::keep_house(transaction, {}, store.start + after);
        });
    };
    EXPECT_TRUE(forget(24h * 400).has_value());
    EXPECT_EQ(operations({}), "user.remove user.add");
    EXPECT_TRUE(forget(24h * 401).has_value());
    EXPECT_EQ(operations({}), "user.remove");
}

TEST_F(AuditLog, RolledBackChangeLeavesNoEntry) {
    const auto failed = store.write([&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(book.audit().append(transaction, entry("user.add")));
        return failure(ErrorKind::full, "the disk");
    });
    EXPECT_FALSE(failed.has_value());
    EXPECT_EQ(operations({}), "");
    write(entry("user.remove"));
    EXPECT_EQ(operations({}), "user.remove");
}

}  // namespace
}  // namespace relevo

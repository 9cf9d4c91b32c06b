#include "core/tenancy/administration.h"

#include "core/tenancy/credentials.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/login_guard.h"
#include "core/tenancy/rate_limiter.h"
#include "core/tenancy/secret.h"
#include "core/tenancy/store_fixture.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const WallClock::time_point noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 12h};

class AdministrationTest : public testing::Test {
 protected:
    TenantId add_tenant(std::string_view name) {
        return store_.write([&](Transaction& rows) { return create_tenant(rows, name, mail::Language::spanish, noon); })
            .value();
    }
    Result<DomainId> add_domain(TenantId tenant, std::string_view name, Subdomains subdomains = Subdomains::excluded) {
        return store_.write([&](Transaction& rows) {
            return create_domain(rows,
                                 {.tenant = tenant,
                                  .name = std::string(name),
                                  .subdomains = subdomains,
                                  .ownership = Ownership::pending,
                                  .challenge = "challenge"},
                                 noon);
        });
    }
    Result<CredentialId> add_credential(const NewCredential& credential) {
        return store_.write([&](Transaction& rows) { return create_credential(rows, credential, secret_, noon); });
    }
    std::shared_ptr<const Directory> directory() {
        return store_.read([](Reader& reader) { return Directory::load(reader); }).value();
    }

    test::Store store_;
    RandomSource random_ = system_random();
    const std::string password_ = generate_password(random_);
    const StoredSecret secret_ = make_secret(password_, random_).value();
    const TenantId acme_ = add_tenant("Acme");
    const TenantId rival_ = add_tenant("Rival");
};

TEST_F(AdministrationTest, ChecksNamesOfTenants) {
    const auto create = [&](std::string_view name) {
        return store_.write(
            [&](Transaction& rows) { return create_tenant(rows, name, mail::Language::english, noon); });
    };
    EXPECT_EQ(create("").error().kind, ErrorKind::invalid);
    EXPECT_EQ(create(std::string(101, 'a')).error().kind, ErrorKind::invalid);
    EXPECT_EQ(create("a\r\nb").error().kind, ErrorKind::invalid);  // security row A9
    EXPECT_EQ(create(" a").error().kind, ErrorKind::invalid);
    EXPECT_EQ(create("\xff").error().kind, ErrorKind::invalid);
    EXPECT_EQ(create("Acme").error().kind, ErrorKind::conflict);
    EXPECT_TRUE(create("Viajes Ñandú, S.L. '; DROP TABLE tenant; --").has_value());
    EXPECT_THAT(store_.read([](Reader& reader) { return find_tenant(reader, "Acne"); }).error().detail,
                HasSubstr("did you mean \"Acme\"?"));
}

TEST_F(AdministrationTest, RemovesATenantOnlyWhenNothingOfItIsLeft) {
    const auto domain = add_domain(acme_, "example.com").value();
    const auto remove = [&] { return store_.write([&](Transaction& rows) { return remove_tenant(rows, acme_); }); };
    EXPECT_EQ(remove().error().kind, ErrorKind::conflict);
    ASSERT_TRUE(store_.write([&](Transaction& rows) { return remove_domain(rows, domain); }).has_value());
    EXPECT_TRUE(remove().has_value());
    EXPECT_EQ(remove().error().kind, ErrorKind::not_found);
    EXPECT_GT(add_tenant("Acme").value, rival_.value);  // ids are never given twice
}

TEST_F(AdministrationTest, KeepsDomainsInOneSpelling) {
    ASSERT_TRUE(add_domain(acme_, "M\u00dcnchen.Example").has_value());
    for (const std::string_view twin : {"m\u00fcnchen.example", "mu\u0308nchen.example", "xn--mnchen-3ya.example",
                                        "XN--MNCHEN-3YA.EXAMPLE", "m\u00fcnchen.example."})
        EXPECT_NE(add_domain(rival_, twin).has_value(), true) << twin;
    EXPECT_EQ(directory()->domains_of(acme_).front()->name, "xn--mnchen-3ya.example");
    for (const std::string_view wrong : {"", "a b", "-a.example", "a..b", "[192.0.2.1]", "a@b.example"})
        EXPECT_FALSE(add_domain(acme_, wrong).has_value()) << wrong;
    EXPECT_EQ(add_domain(TenantId{99}, "x.example").error().kind, ErrorKind::not_found);
}

// What nobody has proven need not stay in the way of its owner: the text says how to make room.
TEST_F(AdministrationTest, TellsAClaimThatIsNotProvenFromADomainThatIsTaken) {
    const auto domain = add_domain(acme_, "example.com").value();
    EXPECT_THAT(add_domain(rival_, "example.com").error().detail, HasSubstr("relevo domain remove example.com"));
    ASSERT_TRUE(store_.write([&](Transaction& rows) { return set_ownership(rows, domain, Ownership::verified, noon); })
                    .has_value());
    EXPECT_EQ(add_domain(rival_, "example.com").error().detail, "example.com belongs to another tenant");
}

TEST_F(AdministrationTest, LeavesNoSubdomainToTwoTenants) {
    ASSERT_TRUE(add_domain(acme_, "example.com", Subdomains::included).has_value());
    EXPECT_EQ(add_domain(rival_, "mail.example.com").error().kind, ErrorKind::conflict);
    EXPECT_EQ(add_domain(rival_, "a.b.example.com").error().kind, ErrorKind::conflict);
    EXPECT_TRUE(add_domain(acme_, "mail.example.com").has_value());
    EXPECT_TRUE(add_domain(rival_, "notexample.com").has_value());

    ASSERT_TRUE(add_domain(rival_, "shop.example.org").has_value());
    EXPECT_EQ(add_domain(acme_, "example.org", Subdomains::included).error().kind, ErrorKind::conflict);
    const auto parent = add_domain(acme_, "example.org").value();
    const auto include = [&] {
        return store_.write([&](Transaction& rows) { return set_subdomains(rows, parent, Subdomains::included); });
    };
    EXPECT_THAT(include().error().detail, HasSubstr("shop.example.org"));
    EXPECT_EQ(add_domain(acme_, "com", Subdomains::included).error().kind, ErrorKind::invalid);
}

TEST_F(AdministrationTest, KeepsTheAddressesOfADomain) {
    const auto domain = add_domain(acme_, "example.com").value();
    const auto set = [&](std::vector<std::string> addresses) {
        return store_.write([&](Transaction& rows) { return set_domain_addresses(rows, domain, addresses); });
    };
    ASSERT_TRUE(set({"Info@Example.com", "info@example.com", "a@example.com"}).has_value());
    EXPECT_THAT(directory()->domain_for("example.com")->addresses, ElementsAre("a@example.com", "info@example.com"));
    EXPECT_FALSE(set({"a@example.org"}).has_value());
    EXPECT_FALSE(set({"a@sub.example.com"}).has_value());
    EXPECT_FALSE(set({"not an address"}).has_value());
    EXPECT_EQ(directory()->domain_for("example.com")->addresses.size(), 2U);
    ASSERT_TRUE(set({}).has_value());
    EXPECT_TRUE(directory()->domain_for("example.com")->addresses.empty());
}

// security row E6: the host of links is one tenant's.
TEST_F(AdministrationTest, GivesAHostOfLinksToOneTenant) {
    const DomainId shop = add_domain(acme_, "shop.example").value(),
                   more = add_domain(acme_, "more.shop.example").value();
    const DomainId other = add_domain(rival_, "rival.example").value();
    const auto set = [&](DomainId domain, std::string_view host) {
        return store_.write([&](Transaction& rows) { return set_tracking_host(rows, domain, host); });
    };
    EXPECT_TRUE(set(shop, "T.More.Shop.example").has_value());
    EXPECT_TRUE(set(more, "t.more.shop.example").has_value()) << "domains of one tenant may share it";
    EXPECT_EQ(set(other, "t.more.shop.example").error().kind, ErrorKind::invalid) << "not below its domain";
    EXPECT_EQ(set(shop, "shop.example").error().kind, ErrorKind::invalid);
    EXPECT_EQ(set(shop, "t shop").error().kind, ErrorKind::invalid);
    EXPECT_EQ(directory()->domain_of_tracking_host("t.more.shop.example")->tenant, acme_);
    EXPECT_EQ(directory()->domain_of_tracking_host("t.rival.example"), nullptr);
    EXPECT_EQ(directory()->domain_for("shop.example")->tracking, std::nullopt);
    for (const Tracked tracked : {Tracked{}, Tracked{.opens = true}, Tracked{.clicks = true}, Tracked{true, true}}) {
        EXPECT_TRUE(store_.write([&](Transaction& rows) { return set_tracking(rows, shop, tracked); }).has_value());
        EXPECT_EQ(directory()->domain_for("shop.example")->tracking, tracked);
    }
    EXPECT_TRUE(set(shop, "").has_value());
    EXPECT_EQ(directory()->domain_for("shop.example")->tracking_host, "");
}

TEST_F(AdministrationTest, CreatesACredentialThatTheDirectoryKnows) {
    ASSERT_TRUE(add_domain(acme_, "example.com", Subdomains::included).has_value());
    const auto id = add_credential({.tenant = acme_,
                                    .login = "CRM@example.com",
                                    .label = "customer relations",
                                    .domains = {"news.Example.com", "news.example.com"},
                                    .networks = {"192.0.2.0/24", "2001:db8::/32"},
                                    .limits = {100, 1000},
                                    .expires_at = noon + 24h})
                        .value();
    const auto known = directory();
    const Credential* credential = known->credential_by_login("crm@EXAMPLE.com");
    ASSERT_NE(credential, nullptr);
    EXPECT_EQ(credential->id, id);
    EXPECT_EQ(credential->tenant, acme_);
    EXPECT_THAT(credential->domains, ElementsAre("news.example.com"));
    EXPECT_EQ(credential->networks.size(), 2U);
    EXPECT_EQ(credential->limits, (RateLimits{100, 1000}));
    EXPECT_EQ(credential->expires_at, noon + 24h);
    EXPECT_TRUE(credential->smtp_enabled);
    EXPECT_TRUE(verify_password(credential->secret.password_hash, password_));
    EXPECT_EQ(credential->secret.scram.stored_key, secret_.scram.stored_key);
    EXPECT_EQ(credential->secret.scram.salt, secret_.scram.salt);
}

TEST_F(AdministrationTest, RefusesCredentialsThatMakeNoSense) {
    struct Row {
        NewCredential credential;
        ErrorKind expected;
    };
    ASSERT_TRUE(add_domain(rival_, "example.org").has_value());
    ASSERT_TRUE(add_credential({.tenant = rival_, .login = "taken", .label = {}}).has_value());
    const std::vector<Row> rows = {
        {{.tenant = acme_, .login = "TAKEN", .label = {}}, ErrorKind::conflict},
        {{.tenant = acme_, .login = "", .label = {}}, ErrorKind::invalid},
        {{.tenant = acme_, .login = "a b", .label = {}}, ErrorKind::invalid},
        {{.tenant = acme_, .login = "ñ", .label = {}}, ErrorKind::invalid},
        {{.tenant = acme_, .login = "a\r\nb", .label = {}}, ErrorKind::invalid},
        {{.tenant = acme_, .login = "a@b@c", .label = {}}, ErrorKind::invalid},
        {{.tenant = acme_, .login = std::string(129, 'a'), .label = {}}, ErrorKind::invalid},
        {{.tenant = acme_, .login = "x", .label = "two\nlines"}, ErrorKind::invalid},
        {{.tenant = TenantId{99}, .login = "x", .label = {}}, ErrorKind::not_found},
        {{.tenant = acme_, .login = "x", .label = {}, .domains = {"example.org"}}, ErrorKind::refused},
        {{.tenant = acme_, .login = "x", .label = {}, .networks = {"192.0.2.1/24"}}, ErrorKind::invalid},
        {{.tenant = acme_, .login = "x", .label = {}, .expires_at = noon - 1s}, ErrorKind::invalid},
    };
    for (const auto& row : rows)
        EXPECT_EQ(add_credential(row.credential).error().kind, row.expected) << row.credential.login;
    EXPECT_EQ(directory()->credentials().size(), 1U);
}

TEST_F(AdministrationTest, ChangesEverySettingOfACredential) {
    ASSERT_TRUE(add_domain(acme_, "example.com").has_value());
    const auto id = add_credential({.tenant = acme_, .login = "crm", .label = {}}).value();
    const auto other = make_secret(generate_password(random_), random_).value();
    ASSERT_TRUE(store_
                    .write([&](Transaction& rows) -> Result<void> {
                        RELEVO_CHECK(set_secret(rows, id, other));
                        RELEVO_CHECK(set_smtp_enabled(rows, id, false));
                        RELEVO_CHECK(set_label(rows, id, "label"));
                        RELEVO_CHECK(set_limits(rows, id, {5, 50}));
                        RELEVO_CHECK(set_expiry(rows, id, noon + 1h));
                        RELEVO_CHECK(set_credential_domains(rows, id, {"example.com"}));
                        return set_credential_networks(rows, id, {"10.0.0.0/8"});
                    })
                    .has_value());
    const auto known = directory();
    const Credential& credential = *known->credential(id);
    EXPECT_EQ(credential.secret.password_hash, other.password_hash);
    EXPECT_FALSE(credential.smtp_enabled);
    EXPECT_EQ(credential.label, "label");
    EXPECT_EQ(credential.limits, (RateLimits{5, 50}));
    EXPECT_EQ(credential.expires_at, noon + 1h);
    EXPECT_THAT(credential.domains, ElementsAre("example.com"));
    EXPECT_EQ(credential.networks.front().text(), "10.0.0.0/8");
    EXPECT_EQ(store_.write([&](Transaction& rows) { return set_limits(rows, CredentialId{99}, {}); }).error().kind,
              ErrorKind::not_found);
}

// Without the row of the domain the credential could send from every domain of its tenant.
TEST_F(AdministrationTest, RemovingADomainNeverWidensACredential) {
    const auto domain = add_domain(acme_, "example.com", Subdomains::included).value();
    const auto id =
        add_credential({.tenant = acme_, .login = "crm", .label = {}, .domains = {"a.example.com"}}).value();
    const auto remove = [&] { return store_.write([&](Transaction& rows) { return remove_domain(rows, domain); }); };
    EXPECT_THAT(remove().error().detail, HasSubstr("\"crm\""));
    ASSERT_TRUE(store_.write([&](Transaction& rows) { return remove_credential(rows, id); }).has_value());
    EXPECT_TRUE(remove().has_value());
}

TEST_F(AdministrationTest, GrantsNetworks) {
    const auto add = [&](TenantId tenant, std::string_view network) {
        return store_.write([&](Transaction& rows) {
            return create_network_grant(rows, tenant, network, "office", {10, 0}, mail::MessageStream::bulk, noon);
        });
    };
    const auto id = add(acme_, "192.0.2.0/24").value();
    EXPECT_EQ(add(rival_, "192.0.2.0/24").error().kind, ErrorKind::conflict);
    EXPECT_EQ(add(acme_, "0.0.0.0/0").error().kind, ErrorKind::invalid);
    EXPECT_EQ(add(acme_, "::/0").error().kind, ErrorKind::invalid);
    EXPECT_EQ(add(acme_, "office").error().kind, ErrorKind::invalid);
    EXPECT_TRUE(add(rival_, "2001:db8::/48").has_value());
    ASSERT_TRUE(
        store_.write([&](Transaction& rows) { return set_network_grant_limits(rows, id, {7, 70}); }).has_value());
    EXPECT_EQ(directory()->grant_for(dns::IpAddress::parse("192.0.2.9").value())->limits, (RateLimits{7, 70}));
    ASSERT_TRUE(store_.write([&](Transaction& rows) { return remove_network_grant(rows, id); }).has_value());
    EXPECT_EQ(directory()->grant_for(dns::IpAddress::parse("192.0.2.9").value()), nullptr);
}

TEST_F(AdministrationTest, KeepsTenantSettings) {
    ASSERT_TRUE(store_
                    .write([&](Transaction& rows) -> Result<void> {
                        RELEVO_CHECK(set_tenant_suspended(rows, acme_, true));
                        return set_tenant_language(rows, rival_, mail::Language::english);
                    })
                    .has_value());
    EXPECT_TRUE(directory()->tenant(acme_)->suspended);
    EXPECT_EQ(directory()->tenant(acme_)->language, mail::Language::spanish);
    EXPECT_EQ(directory()->tenant(rival_)->language, mail::Language::english);
    EXPECT_EQ(directory()->tenant(rival_)->created_at, noon);
}

// Security row A14: "state survives restart".
TEST_F(AdministrationTest, LoginsSurviveARestart) {
    const auto id = add_credential({.tenant = acme_, .login = "crm", .label = {}}).value();
    const auto home = dns::IpAddress::parse("2001:db8:1:2:3::4").value();
    const auto attacker = dns::IpAddress::parse("198.51.100.9").value();
    LoginGuard guard(random_);
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(guard.begin("crm", attacker, noon).allowed);
        guard.failed("crm", attacker, noon);
    }
    ASSERT_TRUE(store_
                    .write([&](Transaction& rows) -> Result<void> {
                        RELEVO_CHECK(record_login(rows, id, home, noon - 1h));
                        RELEVO_CHECK(record_login(rows, id, home, noon));
                        RELEVO_CHECK(save_login_failures(rows, guard.failures(1000, noon)));
                        return save_login_failures(rows, guard.failures(1000, noon));
                    })
                    .has_value());

    LoginGuard restarted(random_);
    ASSERT_TRUE(store_.read([&](Reader& reader) { return load_known_addresses(reader, restarted); }).has_value());
    restarted.restore(store_.read([](Reader& reader) { return load_login_failures(reader); }).value());
    EXPECT_FALSE(restarted.begin("crm", attacker, noon).allowed);
    EXPECT_FALSE(restarted.begin("crm", dns::IpAddress::parse("192.0.2.1").value(), noon).allowed);
    EXPECT_TRUE(restarted.begin("crm", home, noon).allowed);

    const auto listed = store_.read([](Reader& reader) { return find_credential(reader, "CRM"); }).value();
    EXPECT_EQ(listed.last_used_at, noon);
    EXPECT_EQ(listed.last_used_from, home.text());

    ASSERT_TRUE(
        store_.write([&](Transaction& rows) { return forget_known_addresses(rows, noon + 31 * 24h); }).has_value());
    LoginGuard later(random_);
    ASSERT_TRUE(store_.read([&](Reader& reader) { return load_known_addresses(reader, later); }).has_value());
    later.restore(restarted.failures(10, noon));
    EXPECT_FALSE(later.begin("crm", home, noon).allowed);
}

TEST_F(AdministrationTest, UsageSurvivesARestart) {
    const CredentialId crm{1};
    ASSERT_TRUE(store_
                    .write([&](Transaction& rows) -> Result<void> {
                        RELEVO_CHECK(record_usage(rows, crm, hour_of(noon), 2));
                        RELEVO_CHECK(record_usage(rows, crm, hour_of(noon), 3));
                        RELEVO_CHECK(record_usage(rows, crm, hour_of(noon) - 30, 100));
                        return record_usage(rows, {SenderKind::network_grant, 1}, hour_of(noon) - 1, 7);
                    })
                    .has_value());
    const auto rows = store_.read([](Reader& reader) { return load_usage(reader, noon); }).value();
    ASSERT_EQ(rows.size(), 2U);
    RateLimiter limiter;
    limiter.restore(rows, noon + 1min);
    const SenderKey sender{SenderKind::credential, crm.value};
    EXPECT_FALSE(limiter.check(sender, {6, 0}, noon + 1min));
    EXPECT_TRUE(limiter.check(sender, {5, 0}, noon + 1min));
    ASSERT_TRUE(
        store_.write([&](Transaction& changes) { return drop_usage_before(changes, hour_of(noon)); }).has_value());
    EXPECT_EQ(store_.read([](Reader& reader) { return load_usage(reader, noon); }).value().size(), 1U);
}

TEST_F(AdministrationTest, ListsByTenant) {
    ASSERT_TRUE(add_domain(acme_, "example.com").has_value());
    ASSERT_TRUE(add_domain(rival_, "example.org").has_value());
    ASSERT_TRUE(add_credential({.tenant = acme_, .login = "a", .label = {}}).has_value());
    ASSERT_TRUE(add_credential({.tenant = rival_, .login = "b", .label = {}}).has_value());
    EXPECT_EQ(store_.read([&](Reader& reader) { return list_domains(reader, acme_); }).value().size(), 1U);
    EXPECT_EQ(store_.read([&](Reader& reader) { return list_credentials(reader, rival_); }).value().size(), 1U);
    EXPECT_EQ(store_.read([&](Reader& reader) { return list_credentials(reader); }).value().size(), 2U);
    EXPECT_EQ(store_.read([&](Reader& reader) { return list_tenants(reader); }).value().size(), 2U);
    EXPECT_EQ(store_.read([&](Reader& reader) { return list_network_grants(reader, acme_); }).value().size(), 0U);
}

}  // namespace
}  // namespace relevo

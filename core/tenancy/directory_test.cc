#include "core/tenancy/directory.h"

#include <gtest/gtest.h>

#include <chrono>

namespace relevo {
namespace {

Domain domain(std::int64_t id, std::int64_t tenant, std::string name, Subdomains subdomains) {
    return {.id = DomainId{id},
            .tenant = TenantId{tenant},
            .name = std::move(name),
            .subdomains = subdomains,
            .addresses = {},
            .created_at = {},
            .ownership = Ownership::trusted,
            .challenge = {},
            .verified_at = {}};
}

Credential credential(std::int64_t id, std::int64_t tenant, std::string login) {
    Credential made;
    made.id = CredentialId{id};
    made.tenant = TenantId{tenant};
    made.login = std::move(login);
    return made;
}

TEST(Directory, FindsTheDomainThatDecides) {
    const auto directory = Directory::of(
        {},
        {domain(1, 1, "example.com", Subdomains::included), domain(2, 1, "closed.example.com", Subdomains::excluded),
         domain(3, 2, "example.org", Subdomains::excluded)},
        {}, {});
    struct Row {
        std::string_view name;
        std::int64_t expected;
    };
    for (const auto& [name, expected] : std::initializer_list<Row>{{"example.com", 1},
                                                                   {"a.example.com", 1},
                                                                   {"a.b.example.com", 1},
                                                                   {"closed.example.com", 2},
                                                                   {"x.closed.example.com", 0},  // excluded there
                                                                   {"notexample.com", 0},
                                                                   {"com", 0},
                                                                   {"example.org", 3},
                                                                   {"a.example.org", 0},
                                                                   {"", 0},
                                                                   {".example.com", 1}}) {
        const Domain* found = directory->domain_for(name);
        EXPECT_EQ(found == nullptr ? 0 : found->id.value, expected) << name;
    }
    EXPECT_EQ(directory->domains_of(TenantId{1}).size(), 2U);
    EXPECT_TRUE(directory->domains_of(TenantId{9}).empty());
}

TEST(Directory, FindsLoginsWhateverTheirCase) {
    const auto directory = Directory::of({}, {}, {credential(7, 1, "crm@example.com")}, {});
    ASSERT_NE(directory->credential_by_login("CRM@Example.COM"), nullptr);
    EXPECT_EQ(directory->credential_by_login("crm@example.com")->id, CredentialId{7});
    EXPECT_EQ(directory->credential_by_login("crm"), nullptr);
}

TEST(Directory, IsQuickWithAHundredThousandCredentials) {
    constexpr int count = 100'000;
    std::vector<Credential> credentials;
    for (int i = 1; i <= count; ++i) credentials.push_back(credential(i, 1, "login-" + std::to_string(i)));
    const auto directory = Directory::of({}, {}, std::move(credentials), {});
    const auto start = std::chrono::steady_clock::now();
    for (int i = 1; i <= count; ++i)
        ASSERT_EQ(directory->credential_by_login("login-" + std::to_string(i))->id.value, i);
    // A linear search would take minutes; a hash takes some 20 ms in all.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(Directory, FindsTheGrantOfANetwork) {
    std::vector<NetworkGrant> grants(2);
    grants[0] = {.id = NetworkGrantId{1},
                 .tenant = TenantId{1},
                 .network = dns::Network::parse("192.0.2.0/24").value(),
                 .label = {},
                 .limits = {},
                 .created_at = {}};
    grants[1] = {.id = NetworkGrantId{2},
                 .tenant = TenantId{2},
                 .network = dns::Network::parse("192.0.2.7").value(),
                 .label = {},
                 .limits = {},
                 .created_at = {}};
    const auto directory = Directory::of({}, {}, {}, std::move(grants));
    EXPECT_EQ(directory->grant_for(dns::IpAddress::parse("192.0.2.7").value())->tenant, TenantId{2});
    EXPECT_EQ(directory->grant_for(dns::IpAddress::parse("192.0.2.8").value())->tenant, TenantId{1});
    EXPECT_EQ(directory->grant_for(dns::IpAddress::parse("198.51.100.1").value()), nullptr);
}

}  // namespace
}  // namespace relevo

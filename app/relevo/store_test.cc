// The store across releases.
#include "app/relevo/store.h"

#include "adapters/disk/posix_disk.h"
#include "adapters/memory/key_vault.h"
#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/policy/sending.h"
#include "core/signing/key_keeper.h"
#include "core/signing/keys.h"
#include "core/signing/publication.h"
#include "core/tenancy/administration.h"

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace relevo {
namespace {

// The data folder as the first release leaves it: migrations are never edited, so its tables are those of the first one
// of each module that it had. One tenant, with a domain and a network that send.
class StoreOfTheFirstRelease : public testing::Test {
 protected:
    StoreOfTheFirstRelease() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-upgrade-XXXXXX").string();
        configuration_.server.data_dir = ::mkdtemp(pattern.data());
        configuration_.queue.disk_reserve = 0;
        std::vector<Migration> first;
        constexpr std::array<std::string_view, 4> modules{"store", "history", "spool", "tenancy"};
        for (const Migration& migration : store_migrations())
            if (migration.number == 1 && std::ranges::find(modules, migration.module) != modules.end())
                first.push_back(migration);
        EXPECT_EQ(first.size(), modules.size());
        const auto disk = open_disk(configuration_.server.data_dir).value();
        const auto database = open_sqlite(*disk).value();
        EXPECT_TRUE(migrate(*database, first).has_value());
        EXPECT_TRUE(database->begin().has_value());
        EXPECT_TRUE(database->transaction()
                        .define("INSERT INTO tenant (id, name, language, suspended, created_at)"
                                " VALUES (1, 'Acme', 'es', 0, 1764072000000);"
                                "INSERT INTO domain (id, tenant_id, name, subdomains, created_at)"
                                " VALUES (1, 1, 'example.com', 0, 1764072000000);"
                                "INSERT INTO network_grant (id, tenant_id, network, label, messages_per_hour,"
                                " messages_per_day, created_at) VALUES (1, 1, '192.0.2.0/24', '', 0, 0, 1764072000000);"
                                "UPDATE tenancy_sequence SET last_id = 1 WHERE name IN ('tenant', 'domain');")
                        .has_value());
        EXPECT_TRUE(database->commit().has_value());
    }
    ~StoreOfTheFirstRelease() override { std::filesystem::remove_all(configuration_.server.data_dir); }

    Configuration configuration_;
    MemoryLog log_;
};

TEST_F(StoreOfTheFirstRelease, OpensItsDomainsAreTrustedAndNeedNoProof) {
    const auto opened = Store::open(configuration_, log_);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    std::shared_ptr<const Directory> directory;
    std::vector<DomainRecord> records;
    ASSERT_TRUE((*opened)
                    ->read([&](Reader& reader) -> Result<void> {
                        RELEVO_TRY(directory, Directory::load(reader));
                        RELEVO_TRY(const Domain domain, find_domain(reader, "example.com"));
                        EXPECT_EQ(domain.ownership, Ownership::trusted);
                        EXPECT_EQ(domain.dmarc, std::nullopt);
                        RELEVO_TRY(records, records_of(reader, domain));
                        return {};
                    })
                    .has_value());
    EXPECT_TRUE(records.empty()) << "there is no challenge to publish";
    const auto sender = mail::ReversePath::parse("<ana@example.com>", mail::Utf8::refused).value();
    const Identity acme{.tenant = TenantId{1}, .credential = {}, .grant = NetworkGrantId{1}};
    EXPECT_TRUE(judge_sender(*directory, acme, sender, WallClock::now()).is_accepted()) << "it sends as before";
}

TEST_F(StoreOfTheFirstRelease, GetsKeysForItsDomains) {
    const auto store = Store::open(configuration_, log_).value();
    ASSERT_TRUE(store->recover([](const PendingDelivery&) {}).has_value());
    store->start();
    Shard shard(0);
    MemoryResolver resolver;
    MemoryKeyVault vault;
    KeyMaker maker;
    MemoryMetrics numbers;
    KeyKeeperMetrics metrics(numbers);
    KeyKeeper keeper(KeyKeeper::Ports{.shard = shard,
                                      .committer = store->committer(),
                                      .resolver = resolver,
                                      .vault = vault,
                                      .maker = maker,
                                      .log = log_,
                                      .metrics = metrics,
                                      .changed = []() -> Task<Result<void>> { co_return Result<void>(); }},
                     KeyKeeperOptions());
    std::vector<KeyRow> keys;
    bool done = false;
    shard.spawn([](KeyKeeper& keeping, Store& of, std::vector<KeyRow>& into, bool& ended) -> Task<> {
        co_await keeping.round([] { return false; });
        const auto read = co_await read_rows(of.committer(), [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(into, keys_of(reader, DomainId{1}));
            return {};
        });
        EXPECT_TRUE(read.has_value());
        ended = true;
    }(keeper, *store, keys, done));
    const auto guard = boost::asio::make_work_guard(shard.context());
    for (const Deadline until = Clock::now() + std::chrono::seconds(60); !done && Clock::now() < until;)
        shard.context().run_one_for(std::chrono::milliseconds(10));
    store->stop();
    ASSERT_EQ(keys.size(), 2U);
    for (const KeyRow& key : keys) EXPECT_EQ(key.state, KeyState::next);
}

}  // namespace
}  // namespace relevo

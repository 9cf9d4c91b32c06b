#include "app/relevo/store.h"

#include "adapters/disk/posix_disk.h"
#include "adapters/segments/segment_store.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/ports/migration.h"
#include "core/tenancy/schema.h"
#include "lib/base/base64.h"

#include <sodium.h>

#include <array>
#include <cstdlib>

namespace relevo {
namespace {

constexpr std::size_t secret_octets = 32;
constexpr std::array migrations_of_app{
    Migration{"store", 1, "CREATE TABLE store_secret (id INTEGER PRIMARY KEY, octets TEXT NOT NULL);"}};

std::vector<Migration> all_migrations() {
    std::vector<Migration> all;
    for (const auto list : {std::span<const Migration>(migrations_of_app), history_migrations(), spool_migrations(),
                            tenancy_migrations()})
        all.insert(all.end(), list.begin(), list.end());
    return all;
}

// The crash harness proves itself by losing mail: with this variable nothing is synced. Never set it for a server that
// keeps mail.
Durability durability() {
    const char* unsynced = std::getenv("RELEVO_TEST_UNSYNCED");  // NOLINT(concurrency-mt-unsafe)
    return unsynced != nullptr && std::string_view(unsynced) == "1" ? Durability::unsynced_for_tests
                                                                    : Durability::synced;
}

}  // namespace

Store::~Store() {
    if (committer_) committer_->stop();
}

Result<std::unique_ptr<Store>> Store::open(const Configuration& configuration, Log& log) {
    std::unique_ptr<Store> store(new Store());
    if (durability() == Durability::unsynced_for_tests)
        log.error("store.unsynced",
                  {{"problem", "RELEVO_TEST_UNSYNCED is set: accepted mail will be lost in a power cut"}});
    RELEVO_TRY(store->disk_, open_disk(configuration.server.data_dir, durability()));
    RELEVO_TRY(store->database_, open_sqlite(*store->disk_));
    const std::vector<Migration> migrations = all_migrations();
    RELEVO_CHECK(migrate(*store->database_, migrations));
    SegmentOptions segments;
    RELEVO_TRY(const Octets disk_octets, store->disk_->total_space());
    segments.reserve_octets = configuration.disk_reserve_on(disk_octets);
    log.info("store.disk_reserve",
             {{"mebibytes", segments.reserve_octets / mebibyte}, {"disk_mebibytes", disk_octets / mebibyte}});
    RELEVO_TRY(store->contents_, open_segments(*store->disk_, segments));
    CommitterOptions options;
    options.is_live = &Spool::is_live;
    options.record_move = [pointer = store.get()](Transaction& transaction, const ContentStore::Move& move) {
        return pointer->spool_->record_move(transaction, move);
    };
    options.report = [&log](const Error& error) {
        log.error("store.housekeeping_failed", {{"problem", error.detail}});
    };
    store->committer_ = std::make_unique<GroupCommitter>(*store->database_, *store->contents_, std::move(options));
    store->spool_ = std::make_unique<Spool>(*store->committer_);
    RELEVO_CHECK(store->load_secret());
    return store;
}

Result<void> Store::load_secret() {
    const auto read = [this] {
        return database_->read([this](Reader& reader) {
            return reader.query("SELECT octets FROM store_secret WHERE id = 1", {},
                                [this](const Row& row) -> Result<void> {
                                    RELEVO_TRY(secret_, decode_base64(row.text(0)));
                                    return {};
                                });
        });
    };
    RELEVO_CHECK(read());
    if (!secret_.empty()) return {};
    secret_.resize(secret_octets);
    randombytes_buf(secret_.data(), secret_.size());
    const std::string text = encode_base64(secret_);
    RELEVO_CHECK(database_->begin());
    if (auto inserted = database_->transaction().execute("INSERT INTO store_secret (id, octets) VALUES (1, $1)",
                                                         {std::string_view(text)});
        !inserted.has_value()) {
        database_->rollback();
        return std::unexpected(std::move(inserted).error());
    }
    return database_->commit();
}

Result<Spool::Recovery> Store::recover(const std::function<void(const PendingDelivery&)>& delivery) {
    Spool::Recovery recovery;
    RELEVO_CHECK(database_->read([&](Reader& reader) -> Result<void> {
        RELEVO_TRY(recovery, spool_->recover(reader, *contents_, delivery));
        return {};
    }));
    RELEVO_CHECK(contents_->finish_recovery());
    return recovery;
}

}  // namespace relevo

#include "app/relevo/store.h"

#include "adapters/disk/posix_disk.h"
#include "adapters/segments/segment_store.h"
#include "adapters/sqlite/salvage.h"
#include "adapters/sqlite/sqlite_database.h"
#include "app/backup/log_guard.h"
#include "core/accounts/schema.h"
#include "core/delivery/schema.h"
#include "core/erasure/schema.h"
#include "core/feedback/schema.h"
#include "core/lan/schema.h"
#include "core/reporting/schema.h"
#include "core/setup/status_book.h"
#include "core/signing/schema.h"
#include "core/statistics/schema.h"
#include "core/tenancy/schema.h"
#include "core/tracking/schema.h"
#include "core/transport/mta_sts_cache.h"
#include "core/webhooks/schema.h"
#include "lib/base/base64.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace relevo {

using backup::database_name;

namespace {

constexpr std::size_t secret_octets = 32;
constexpr std::size_t hold_id_octets = 16;
constexpr std::array migrations_of_app{
    Migration{"store", 1, "CREATE TABLE store_secret (id INTEGER PRIMARY KEY, octets TEXT NOT NULL);"}};

// The crash harness proves itself by losing mail: with this variable nothing is synced. Never set it for a server that
// keeps mail.
Durability durability() {
    const char* unsynced = std::getenv("RELEVO_TEST_UNSYNCED");  // NOLINT(concurrency-mt-unsafe)
    return unsynced != nullptr && std::string_view(unsynced) == "1" ? Durability::unsynced_for_tests
                                                                    : Durability::synced;
}

constexpr int statistics_niceness = 10;  // mail comes first

// Small enough to be read as a whole at each start, in a few tenths of a second.
constexpr Octets checked_database_octets = 64 * mebibyte;

Result<Octets> size_of(Disk& disk, std::string_view name) {
    RELEVO_TRY(const bool exists, disk.exists(name));
    if (!exists) return Octets{0};
    RELEVO_TRY(const auto file, disk.open(name, OpenMode::existing));
    return file->size();
}

// What cannot be opened at all, says so in a moment.
Result<void> require_no_damage(Disk& disk, const std::string& name) {
    RELEVO_TRY(const Octets size, size_of(disk, name));
    if (size == 0 || size > checked_database_octets) return {};
    const auto problems = problems_of_database(disk, name);
    if (!problems.has_value() || problems->empty()) return {};
    return failure(ErrorKind::damaged, fmt::format("{} is damaged: {}", name, problems->front()));
}

// An empty database would be made where one was: tenants, logins and waiting mail would be gone without a word.
Result<void> require_whole_database(Disk& disk) {
    RELEVO_TRY(const bool is_half_repaired, disk.exists(repaired_database_name));
    if (is_half_repaired)
        return failure(ErrorKind::conflict, "a repair of the store was interrupted: run `relevo store repair` again");
    RELEVO_TRY(const bool is_half_restored, disk.exists(backup::restoring_name));
    if (is_half_restored)
        return failure(ErrorKind::conflict,
                       "a restore of this store was interrupted: run `relevo backup restore` again");
    RELEVO_TRY(const std::vector<std::string> names, disk.list());
    RELEVO_TRY(const Octets size, size_of(disk, database_name));
    if (size == 0 && std::ranges::any_of(names, [](const auto& name) { return name.starts_with("segment-"); }))
        return failure(ErrorKind::damaged,
                       "relevo.db is damaged: it is missing or empty, although there are message contents");
    return require_no_damage(disk, database_name);
}

// Of a database of an earlier release. Without them it is as good as it was.
Result<void> add_checksums(Disk& disk, const std::string& name, Log& log) {
    RELEVO_TRY(const Octets size, size_of(disk, name));
    if (size == 0) return {};
    RELEVO_TRY(const bool has_checksums, has_page_checksums(disk, name));
    if (has_checksums) return {};
    auto added = size <= checked_database_octets
                     ? add_page_checksums(disk, name)
                     : failure(ErrorKind::limit,
                               "it is too large to be written anew at a start: stop the server at a "
                               "quiet time and run `relevo store repair`");
    if (added.has_value())
        log.info("store.checksums_added", {{"file", name}});
    else
        log.warning("store.without_checksums", {{"file", name}, {"problem", added.error().detail}});
    return {};
}

// From then on an empty log is one that lost something.
Result<void> put_into_log(Transaction& transaction) {
    RELEVO_CHECK(transaction.execute("UPDATE store_secret SET octets = octets WHERE id = 1", {}));
    return {};
}

// What a person can do about it.
Error advised(Error error) {
    if (error.kind == ErrorKind::damaged)
        error.detail +=
            ". Nothing was changed. Put back a whole copy (`relevo backup restore`), or let `relevo store repair` set "
            "the damaged file aside and save every row that can be read";
    return error;
}

}  // namespace

std::string_view advice_on_damage_of(std::string_view file) {
    return file == statistics_database_name
               ? "mail does not wait for it: the next start makes it anew from the events"
               : "`relevo doctor` shows all that is damaged. Stop the server, then put back a backup (`relevo backup "
                 "restore`), or let `relevo store repair` save every row that can be read";
}

std::vector<Migration> store_migrations() {
    std::vector<Migration> all;
    for (const auto list :
         {std::span<const Migration>(migrations_of_app), history_migrations(), spool_migrations(), tenancy_migrations(),
          accounts_migrations(), lan_migrations(), signing_migrations(), reporting_migrations(), transport_migrations(),
          feedback_migrations(), tracking_migrations(), webhooks_migrations(), delivery_migrations(),
          erasure_migrations(), setup::setup_migrations()})
        all.insert(all.end(), list.begin(), list.end());
    return all;
}

Store::~Store() {
    if (statistics_committer_) statistics_committer_->stop();
    if (committer_) committer_->stop();
    // A log that is not moved for want of room stays, and is none the worse for not being expected.
    if (disk_ && database_) static_cast<void>(backup::stop_expecting_log(*disk_));
}

Result<std::unique_ptr<Store>> Store::open(const Configuration& configuration, Log& log) {
    std::unique_ptr<Store> store(new Store());
    if (auto opened = store->open_parts(configuration, log); !opened.has_value())
        return std::unexpected(advised(std::move(opened).error()));
    return store;
}

Result<void> Store::open_parts(const Configuration& configuration, Log& log) {
    if (durability() == Durability::unsynced_for_tests)
        log.error("store.unsynced",
                  {{"problem", "RELEVO_TEST_UNSYNCED is set: accepted mail will be lost in a power cut"}});
    data_dir_ = configuration.server.data_dir;
    log_ = &log;
    RELEVO_TRY(disk_, open_disk(data_dir_, durability()));
    // Before anything opens the database: that makes a log where one is missing.
    RELEVO_TRY(const std::vector<std::string> lost, backup::problems_of_store_log(*disk_));
    RELEVO_CHECK(require_whole_database(*disk_));
    if (!lost.empty()) RELEVO_CHECK(keep_damaged_log(lost, log));
    RELEVO_CHECK(add_checksums(*disk_, database_name, log));
    RELEVO_TRY(database_, open_sqlite(*disk_, database_name, Synchronous::full,
                                      [this](std::uint32_t page) { tell_of_damage(database_name, page); }));
    const std::vector<Migration> migrations = store_migrations();
    RELEVO_CHECK(migrate(*database_, migrations));
    SegmentOptions segments;
    RELEVO_TRY(const Octets disk_octets, disk_->total_space());
    reserve_ = segments.reserve_octets = configuration.disk_reserve_on(disk_octets);
    log.info("store.disk_reserve",
             {{"mebibytes", segments.reserve_octets / mebibyte}, {"disk_mebibytes", disk_octets / mebibyte}});
    RELEVO_TRY(contents_, open_segments(*disk_, segments));
    CommitterOptions options;
    options.is_live = &Spool::is_live;
    options.record_move = [this](Transaction& transaction, const ContentStore::Move& move) {
        return spool_->record_move(transaction, move);
    };
    options.committed = [this] {
        if (on_commit_) on_commit_();
    };
    options.report = [&log](const Error& error) {
        log.error("store.housekeeping_failed", {{"problem", error.detail}});
    };
    committer_ = std::make_unique<GroupCommitter>(*database_, *contents_, std::move(options));
    RELEVO_CHECK(open_statistics(log));
    spool_ = std::make_unique<Spool>(*committer_);
    erasure_ = std::make_unique<Erasure>(*committer_, *statistics_committer_);
    RELEVO_CHECK(load_secret());
    RELEVO_CHECK(write(&put_into_log));
    return backup::expect_log(*disk_);
}

// Of a page that goes bad while the file is open, or that the start, which looks at small files alone, has not seen.
void Store::tell_of_damage(const char* file, std::uint32_t page) {
    ++damaged_pages_;
    log_->error("store.page_damaged", {{"file", file}, {"page", page}, {"action", advice_on_damage_of(file)}});
}

// A damaged one is set aside: mail does not wait for numbers, and the search is made anew of the events.
Result<void> Store::open_statistics(Log& log) {
    const auto open = [this, &log]() -> Result<void> {
        RELEVO_CHECK(require_no_damage(*disk_, statistics_database_name));
        RELEVO_CHECK(add_checksums(*disk_, statistics_database_name, log));
        RELEVO_TRY(statistics_database_,
                   open_sqlite(*disk_, statistics_database_name, Synchronous::normal,
                               [this](std::uint32_t page) { tell_of_damage(statistics_database_name, page); }));
        const auto history = history_migrations(), own = statistics_migrations();
        std::vector<Migration> migrations(history.begin(), history.end());
        migrations.insert(migrations.end(), own.begin(), own.end());
        return migrate(*statistics_database_, migrations);
    };
    if (auto opened = open(); !opened.has_value()) {
        if (opened.error().kind != ErrorKind::damaged) return opened;
        const std::string name = statistics_database_name, aside = name + ".damaged";
        log.error("store.statistics_damaged", {{"problem", opened.error().detail}, {"kept_as", aside}});
        statistics_database_.reset();
        RELEVO_TRY(const bool has_log, disk_->exists(name + "-wal"));
        if (has_log) RELEVO_CHECK(disk_->remove(name + "-wal"));
        RELEVO_CHECK(disk_->rename(name, aside));
        RELEVO_CHECK(disk_->sync_folder());
        RELEVO_CHECK(open());
    }
    CommitterOptions options;
    options.name = "figures";
    options.niceness = statistics_niceness;
    options.report = [&log](const Error& error) {
        log.error("statistics.housekeeping_failed", {{"problem", error.detail}});
    };
    statistics_committer_ = std::make_unique<GroupCommitter>(*statistics_database_, no_contents_, std::move(options));
    return {};
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
    return write([&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(
            transaction.execute("INSERT INTO store_secret (id, octets) VALUES (1, $1)", {std::string_view(text)}));
        return {};
    });
}

Result<void> Store::set_reserve(const Configuration& configuration) {
    RELEVO_TRY(const Octets disk_octets, disk_->total_space());
    reserve_ = configuration.disk_reserve_on(disk_octets);
    contents_->set_reserve(reserve_);
    return {};
}

Result<void> Store::write(const std::function<Result<void>(Transaction&)>& work) {
    RELEVO_CHECK(database_->begin());
    if (auto done = work(database_->transaction()); !done.has_value()) {
        database_->rollback();
        return done;
    }
    return database_->commit();
}

Result<void> Store::read(const std::function<Result<void>(Reader&)>& work) {
    auto done = database_->read(work);
    if (!done.has_value()) return std::unexpected(advised(std::move(done).error()));
    return done;
}

// The statistics first: they never know of an event that the database does not have.
Task<Result<Store::Hold>> Store::hold() {
    Hold hold;
    RELEVO_CO_CHECK(co_await completion_of<Result<void>>([&](Completer<Result<void>> done) {
        statistics_committer_->hold(hold_lease, [] { return Result<void>(); }, std::move(done));
    }));
    const auto held = co_await completion_of<Result<void>>([&](Completer<Result<void>> done) {
        committer_->hold(
            hold_lease,
            [&]() -> Result<void> {
                RELEVO_TRY(hold.files, backup::files_of_store(data_dir_));
                return {};
            },
            std::move(done));
    });
    if (!held.has_value()) {
        statistics_committer_->end_hold();
        co_return std::unexpected(held.error());
    }
    std::array<unsigned char, hold_id_octets> octets{};
    randombytes_buf(octets.data(), octets.size());
    hold_id_ = encode_base64(std::string_view(reinterpret_cast<const char*>(octets.data()), octets.size()));
    hold.id = hold_id_;
    co_return hold;
}

Result<void> Store::renew_hold(std::string_view id, GroupCommitter::HeldFiles held) {
    if (id == hold_id_ && committer_->renew_hold(hold_lease, held) &&
        statistics_committer_->renew_hold(hold_lease, GroupCommitter::HeldFiles::all))
        return {};
    return failure(ErrorKind::conflict, "the files are not held any more");
}

void Store::end_hold(std::string_view id) {
    if (id != hold_id_) return;
    hold_id_.clear();
    committer_->end_hold();
    statistics_committer_->end_hold();
}

Result<Spool::Recovery> Store::recover(const std::function<void(const PendingDelivery&)>& delivery) {
    Spool::Recovery recovery;
    RELEVO_CHECK(read([&](Reader& reader) -> Result<void> {
        RELEVO_TRY(recovery, spool_->recover(reader, *contents_, delivery));
        return {};
    }));
    if (!damaged_log_folder_.empty()) RELEVO_CHECK(name_mail_without_rows(*log_));
    RELEVO_CHECK(contents_->finish_recovery());
    return recovery;
}

}  // namespace relevo

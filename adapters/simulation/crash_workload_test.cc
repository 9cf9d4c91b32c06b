#include "adapters/simulation/crash_workload.h"

#include "adapters/sqlite/sqlite_database.h"
#include "core/ports/migration.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace relevo::simulation {
namespace {

constexpr std::array migrations{
    Migration{"mail", 1,
              "CREATE TABLE message (id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, segment_offset INTEGER NOT NULL,"
              " size INTEGER NOT NULL);"
              "CREATE TABLE delivery (id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, attempts INTEGER NOT NULL);"
              "CREATE TABLE event (id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, kind TEXT NOT NULL);"}};

constexpr std::string_view sql_waiting =
    "SELECT d.message_id, m.segment, m.segment_offset, m.size FROM delivery d"
    " JOIN message m ON m.id = d.message_id ORDER BY d.id";

Result<bool> is_live(Reader& reader, MessageId id) {
    bool live = false;
    RELEVO_CHECK(reader.query("SELECT 1 FROM delivery WHERE id = $1", {id.value}, [&](const Row&) -> Result<void> {
        live = true;
        return {};
    }));
    return live;
}

Result<void> record_move(Transaction& transaction, const ContentStore::Move& move) {
    // Only if the row names this very record: a void one may carry the same id.
    RELEVO_CHECK(transaction.execute(
        "UPDATE message SET segment = $1, segment_offset = $2 WHERE id = $3 AND segment = $4 AND segment_offset = $5",
        {static_cast<std::int64_t>(move.to.segment), static_cast<std::int64_t>(move.to.offset), move.id.value,
         static_cast<std::int64_t>(move.from.segment), static_cast<std::int64_t>(move.from.offset)}));
    return {};
}

Result<void> insert(Transaction& transaction, std::int64_t id, const ContentLocation& location) {
    RELEVO_CHECK(
        transaction.execute("INSERT INTO message (id, segment, segment_offset, size) VALUES ($1, $2, $3, $4)",
                            {id, static_cast<std::int64_t>(location.segment),
                             static_cast<std::int64_t>(location.offset), static_cast<std::int64_t>(location.length)}));
    RELEVO_CHECK(transaction.execute("INSERT INTO delivery (id, message_id, attempts) VALUES ($1, $1, 0)", {id}));
    RELEVO_CHECK(transaction.execute("INSERT INTO event (message_id, kind) VALUES ($1, 'accepted')", {id}));
    return {};
}

}  // namespace

std::string content_of(std::int64_t id) {
    std::mt19937_64 chance(static_cast<std::uint64_t>(id));
    const std::size_t length = id % 11 == 0 ? 20'000 + chance() % 20'000 : chance() % 3'000;
    std::string content = fmt::format("Message-ID: <{}@example.org>\r\n\r\n", id);
    while (content.size() < length) content += fmt::format("{:016x}\r\n", chance());
    return content;
}

Result<std::unique_ptr<Store>> Store::open(Disk& disk) {
    std::unique_ptr<Store> store(new Store);
    RELEVO_TRY(store->database_, open_sqlite(disk));
    RELEVO_CHECK(migrate(*store->database_, migrations));
    RELEVO_TRY(store->contents_, open_segments(disk, {.segment_octets = 24 * kibibyte,
                                                      .buffer_octets = 16 * kibibyte,
                                                      .reserve_octets = 0,
                                                      .slack_octets = 8 * kibibyte,
                                                      .open_files = 3}));
    RELEVO_CHECK(store->recover());
    CommitterOptions options;
    options.is_live = [raw = store.get()](Reader& reader, MessageId id) {
        raw->deliver();
        return is_live(reader, id);
    };
    options.record_move = record_move;
    options.compaction_retry = std::chrono::milliseconds(0);
    options.flushes_late = true;  // a cut may come while one group is committed, not safe, and the next is prepared
    store->committer_ = std::make_unique<GroupCommitter>(*store->database_, *store->contents_, std::move(options));
    return store;
}

Store::~Store() {
    if (committer_) committer_->stop();
}

Result<void> Store::recover() {
    RELEVO_TRY(const std::vector<Row> rows, waiting());
    for (const Row& row : rows) contents_->mark_live(row.location);
    return contents_->finish_recovery();
}

void Store::deliver() {
    context_.restart();
    context_.poll();
}

Result<std::vector<Store::Row>> Store::waiting() {
    std::vector<Row> rows;
    RELEVO_CHECK(database_->read([&](Reader& reader) {
        return reader.query(sql_waiting, {}, [&](const relevo::Row& row) -> Result<void> {
            rows.push_back({.id = row.integer(0),
                            .location = {.segment = static_cast<std::uint32_t>(row.integer(1)),
                                         .offset = static_cast<Octets>(row.integer(2)),
                                         .length = static_cast<Octets>(row.integer(3))}});
            return {};
        });
    }));
    return rows;
}

Result<std::string> Store::fingerprint() {
    RELEVO_TRY(const std::vector<Row> rows, waiting());
    std::string text;
    for (const Row& row : rows)
        text += fmt::format("{} at {}+{}/{}; ", row.id, row.location.segment, row.location.offset, row.location.length);
    const auto usage = contents_->usage();
    return text + fmt::format("live {} disk {} segments {}", usage.live, usage.on_disk, usage.segments);
}

void Script::run(int steps) {
    restart();
    for (int count = 0; count < steps; ++count) step();
    restart();
    store_.reset();
}

void Script::step() {
    switch (chance_() % 12) {
        case 0: store_->committer().tidy(); break;
        case 1:
            offer();
            offer_duplicate();
            break;
        case 2: defer_some(); break;
        case 3:
            if (chance_() % 3 == 0) return restart();
            [[fallthrough]];
        case 4:
        case 5:
        case 6:
            for (auto count = chance_() % 6 + 1; count > 0; --count) offer();
            break;
        case 7:
            offer();
            end_some();
            break;
        default:
            if (living_.size() > 12)
                end_some();
            else
                offer();
            break;
    }
    flush();
}

void Script::offer() {
    const std::int64_t id = ++last_id_;
    Life& life = lives_[id];
    life.offered = disk_.calls().size();
    CommitRequest request;
    request.contents.push_back({MessageId{id}, std::make_shared<const std::string>(content_of(id)), {}});
    request.rows = [this, id](Transaction& transaction, const std::vector<ContentToStore>& contents) {
        locations_[id] = contents.front().location;
        return insert(transaction, id, contents.front().location);
    };
    store_->committer().commit(std::move(request),
                               {store_->context().get_executor(), [this, id, &life](Result<void> result) {
                                    if (result.has_value()) {
                                        life.accepted = disk_.calls().size();
                                        living_.insert(id);
                                    } else {
                                        EXPECT_TRUE(faults_expected_) << result.error().detail;
                                        life.refused = refusal_ == Refusal::certain;
                                    }
                                }});
}

// Makes the shared transaction fail: each request of the group then gets its own.
void Script::offer_duplicate() {
    if (living_.empty()) return;
    const std::int64_t id = *living_.begin();
    CommitRequest request;
    request.contents.push_back({MessageId{id}, std::make_shared<const std::string>("forged"), {}});
    request.rows = [id](Transaction& transaction, const std::vector<ContentToStore>& contents) {
        return insert(transaction, id, contents.front().location);
    };
    store_->committer().commit(std::move(request), {store_->context().get_executor(), [](const Result<void>& result) {
                                                        EXPECT_FALSE(result.has_value());
                                                    }});
}

void Script::end_some() {
    std::vector<std::int64_t> ids(living_.begin(), living_.end());
    std::ranges::shuffle(ids, chance_);
    ids.resize(std::min<std::size_t>(ids.size(), chance_() % 8 + 1));
    for (const std::int64_t id : ids) {
        Life& life = lives_[id];
        life.ending = disk_.calls().size();
        CommitRequest request;
        request.rows = [id](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
            RELEVO_CHECK(transaction.execute("DELETE FROM delivery WHERE id = $1", {id}));
            RELEVO_CHECK(transaction.execute("INSERT INTO event (message_id, kind) VALUES ($1, 'delivered')", {id}));
            return {};
        };
        store_->committer().commit(std::move(request),
                                   {store_->context().get_executor(), [this, id, &life](Result<void> result) {
                                        EXPECT_TRUE(result.has_value() || faults_expected_) << result.error().detail;
                                        if (!result.has_value()) return;
                                        life.ended = disk_.calls().size();
                                        living_.erase(id);
                                        store_->committer().drop_content(locations_[id]);
                                    }});
    }
}

void Script::defer_some() {
    for (const std::int64_t id : living_) {
        if (chance_() % 3 != 0) continue;
        CommitRequest request;
        request.rows = [id](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
            RELEVO_CHECK(transaction.execute("UPDATE delivery SET attempts = attempts + 1 WHERE id = $1", {id}));
            return {};
        };
        store_->committer().commit(std::move(request), {store_->context().get_executor(), [](Result<void>) {}});
    }
}

void Script::flush() {
    while (store_->committer().run_once()) store_->deliver();
    store_->deliver();
}

void Script::restart() {
    if (store_) {
        flush();
        const CommitterMetrics now = store_->committer().metrics();
        metrics_.groups += now.groups;
        metrics_.requests += now.requests;
        metrics_.compactions += now.compactions;
        metrics_.checkpoints += now.checkpoints;
        metrics_.failed_requests += now.failed_requests;
    }
    store_.reset();
    auto opened = Store::open(disk_);
    for (int tries = 0; !opened.has_value() && faults_expected_ && tries < 100; ++tries) opened = Store::open(disk_);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    store_ = *std::move(opened);
}

Recording Script::recording() const { return {.calls = disk_.calls(), .lives = lives_, .metrics = metrics_}; }

namespace {

constexpr std::int64_t later_id = 5'000'000;

Result<void> compare(Store& store, const std::map<std::int64_t, Life>& lives, std::size_t position) {
    RELEVO_TRY(const std::vector<Store::Row> rows, store.waiting());
    std::set<std::int64_t> present;
    for (const Store::Row& row : rows) {
        if (row.id == later_id) continue;  // of a thorough check before this crash
        const auto life = lives.find(row.id);
        if (life == lives.end() || life->second.offered > position || life->second.refused)
            return failure(ErrorKind::internal, fmt::format("message {} was invented", row.id));
        auto content = store.contents().read(MessageId{row.id}, row.location);
        if (!content.has_value())
            return failure(ErrorKind::internal, fmt::format("message {}: {}", row.id, content.error().detail));
        if (*content != content_of(row.id))
            return failure(ErrorKind::internal, fmt::format("message {} has another content", row.id));
        present.insert(row.id);
    }
    for (const auto& [id, life] : lives) {
        const bool must_be_there =
            life.accepted && *life.accepted <= position && !(life.ending && *life.ending <= position);
        if (must_be_there && !present.contains(id))
            return failure(ErrorKind::internal, fmt::format("message {} is lost", id));
        if (life.ended && *life.ended <= position && present.contains(id))
            return failure(ErrorKind::internal, fmt::format("message {} came back", id));
    }
    return {};
}

Result<void> check_integrity(Store& store) {
    return store.database().read([](Reader& reader) {
        return reader.query("PRAGMA integrity_check", {}, [](const Row& row) -> Result<void> {
            if (row.text(0) != "ok") return failure(ErrorKind::internal, std::string(row.text(0)));
            return {};
        });
    });
}

// A recovered server works: it takes one more message and finds it again.
Result<void> accept_one_more(Store& store) {
    constexpr std::int64_t id = later_id;
    CommitRequest request;
    ContentLocation location;
    request.contents.push_back({MessageId{id}, std::make_shared<const std::string>(content_of(id)), {}});
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>& contents) {
        location = contents.front().location;
        return insert(transaction, id, location);
    };
    Result<void> answer = failure(ErrorKind::internal, "not answered");
    store.committer().commit(
        std::move(request), {store.context().get_executor(), [&](Result<void> result) { answer = std::move(result); }});
    store.committer().run_once();
    store.deliver();
    RELEVO_CHECK(answer);
    RELEVO_TRY(const std::string content, store.contents().read(MessageId{id}, location));
    if (content != content_of(id)) return failure(ErrorKind::internal, "the next message has another content");
    return {};
}

Result<void> recover_twice(SimulatedDisk& disk, const std::map<std::int64_t, Life>& lives, std::size_t position,
                           bool thorough) {
    std::string first;
    {
        RELEVO_TRY(const auto store, Store::open(disk));
        RELEVO_CHECK(compare(*store, lives, position));
        RELEVO_TRY(first, store->fingerprint());
    }
    RELEVO_TRY(const auto store, Store::open(disk));
    RELEVO_TRY(const std::string second, store->fingerprint());
    if (first != second)
        return failure(ErrorKind::internal, fmt::format("two recoveries differ:\n{}\n{}", first, second));
    if (!thorough) return {};
    RELEVO_CHECK(compare(*store, lives, position));
    RELEVO_CHECK(check_integrity(*store));
    return accept_one_more(*store);
}

}  // namespace

Verdict check(const DiskImage& image, const std::map<std::int64_t, Life>& lives, std::size_t position, bool thorough) {
    SimulatedDisk disk(image);
    auto done = recover_twice(disk, lives, position, thorough);
    return {.problem = done.has_value() ? std::nullopt : std::optional(done.error().detail), .calls = disk.calls()};
}

}  // namespace relevo::simulation

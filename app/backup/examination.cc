#include "app/backup/examination.h"

#include "adapters/committer/group_committer.h"
#include "adapters/segments/segment_store.h"
#include "adapters/sqlite/salvage.h"
#include "adapters/sqlite/sqlite_database.h"
#include "app/backup/held_store.h"
#include "core/spool/spool.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo::backup {
namespace {

struct WaitingContent {
    MessageId message;
    ContentLocation location;
};

// Learns from Spool::recover() where contents lie.
class Locations final : public ContentStore {
 public:
    void mark_live(const ContentLocation& location) override { last_ = location; }
    [[nodiscard]] const ContentLocation& last() const { return last_; }

    Result<ContentLocation> append(MessageId, std::string_view) override { return nothing(); }
    Result<void> sync() override { return nothing(); }
    Result<std::string> read(MessageId, const ContentLocation&) override { return nothing(); }
    void drop(const ContentLocation&) override {}
    Result<std::vector<Move>> compact(const std::function<bool(MessageId)>&) override { return nothing(); }
    Result<void> finish_compaction() override { return nothing(); }
    Result<void> finish_recovery() override { return nothing(); }
    [[nodiscard]] Usage usage() const override { return {}; }

 private:
    static std::unexpected<Error> nothing() { return failure(ErrorKind::internal, "only places are asked for here"); }
    ContentLocation last_;
};

class Examiner {
 public:
    Examiner(Disk& view, std::span<const Migration> known, const std::function<Result<void>()>& go_on)
        : view_(view), known_(known), go_on_(go_on) {}

    Result<Examination> run() {
        const auto problems = problems_of_database(view_, database_name);
        if (!problems.has_value()) add(FindingKind::database, database_name, problems.error().detail);
        for (const std::string& problem : problems.value_or(std::vector<std::string>()))
            add(FindingKind::database, database_name, problem);
        const auto opened = open_sqlite(view_, database_name);
        const auto checked =
            opened.has_value() ? check_changes(**opened) : Result<void>(std::unexpected(opened.error()));
        if (!checked.has_value() && !examination_.findings.empty()) return std::move(examination_);
        RELEVO_CHECK(checked);
        Database& database = **opened;
        // Rows of an older release may lack what this one asks for.
        if (examination_.missing_changes > 0) {
            RELEVO_CHECK(bring_up_to_date(database));
        }
        RELEVO_TRY(const auto contents, open_segments(view_, {.reserve_octets = 0}));
        const auto waiting = waiting_contents(database, *contents);
        if (!waiting.has_value()) {
            add(FindingKind::database, database_name, waiting.error().detail);
            return std::move(examination_);
        }
        for (const WaitingContent& one : *waiting) {
            RELEVO_CHECK(go_on_());
            const auto content = contents->read(one.message, one.location);
            if (!content.has_value()) add(FindingKind::content, one.message.text(), content.error().detail);
            examination_.octets += one.location.length;
        }
        RELEVO_CHECK(go_on_());
        RELEVO_CHECK(check_statistics());
        return std::move(examination_);
    }

 private:
    void add(FindingKind kind, std::string subject, std::string problem) {
        examination_.findings.push_back({kind, std::move(subject), std::move(problem)});
    }

    Result<void> check_statistics() {
        RELEVO_TRY(const bool exists, view_.exists(statistics_name));
        if (!exists) return {};
        const auto problems = problems_of_database(view_, statistics_name);
        if (!problems.has_value())
            examination_.findings.push_back(finding_of_statistics(problems.error().detail));
        else if (!problems->empty())
            examination_.findings.push_back(finding_of_statistics(problems->front()));
        return {};
    }

    Result<void> check_changes(Database& database) {
        std::set<std::pair<std::string, std::int64_t>> made;
        RELEVO_CHECK(database.read([&](Reader& reader) {
            return reader.query("SELECT module, number FROM schema_migration", {}, [&](const Row& row) -> Result<void> {
                made.emplace(row.text(0), row.integer(1));
                return {};
            });
        }));
        for (const Migration& migration : known_)
            if (made.erase({std::string(migration.module), migration.number}) == 0) ++examination_.missing_changes;
        if (made.empty()) return {};
        return failure(ErrorKind::unsupported,
                       fmt::format("the store was written by a newer Relevo: it has change {} of {}, which this one "
                                   "does not know",
                                   made.begin()->second, made.begin()->first));
    }

    // In memory: what a view is written goes into its log, and no further.
    Result<void> bring_up_to_date(Database& database) {
        auto made = migrate(database, known_);
        if (!made.has_value()) add(FindingKind::database, database_name, made.error().detail);
        return {};
    }

    Result<std::vector<WaitingContent>> waiting_contents(Database& database, ContentStore& contents) {
        GroupCommitter committer(database, contents);
        Spool spool(committer);
        Locations locations;
        std::vector<WaitingContent> waiting;
        RELEVO_CHECK(database.read([&](Reader& reader) -> Result<void> {
            RELEVO_TRY(const Spool::Recovery recovery,
                       spool.recover(reader, locations, [&](const PendingDelivery& pending) {
                           if (waiting.empty() || waiting.back().message != pending.id.message)
                               waiting.push_back({pending.id.message, locations.last()});
                       }));
            examination_.messages = recovery.messages;
            examination_.recipients = recovery.deliveries;
            for (const std::string& damage : recovery.damage) add(FindingKind::database, database_name, damage);
            return {};
        }));
        return waiting;
    }

    Disk& view_;
    std::span<const Migration> known_;
    const std::function<Result<void>()>& go_on_;
    Examination examination_;
};

}  // namespace

std::string_view name_of(FindingKind kind) {
    switch (kind) {
        case FindingKind::database: return "database";
        case FindingKind::content: return "content";
        case FindingKind::statistics: return "statistics";
        case FindingKind::key: return "key";
        case FindingKind::access: return "access";
        case FindingKind::space: return "space";
    }
    return "";
}

Finding finding_of_statistics(std::string_view problem) {
    return {FindingKind::statistics, statistics_name,
            fmt::format("{}. No mail is in it: the next start sets it aside and counts anew from the events that are "
                        "kept",
                        problem)};
}

Result<Examination> examine_store(Disk& view, std::span<const Migration> known,
                                  const std::function<Result<void>()>& go_on) {
    return Examiner(view, known, go_on).run();
}

}  // namespace relevo::backup

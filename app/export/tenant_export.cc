#include "app/export/tenant_export.h"

#include "adapters/disk/disk_view.h"
#include "adapters/segments/segment_store.h"
#include "adapters/sqlite/salvage.h"
#include "adapters/sqlite/sqlite_database.h"
#include "app/backup/held_store.h"
#include "app/export/export_folder.h"
#include "app/export/export_table.h"
#include "core/events/history.h"
#include "core/ports/content_store.h"
#include "core/spool/message.h"
#include "core/tenancy/administration.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

namespace relevo::exporting {
namespace {

namespace json = boost::json;
using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view format_name = "relevo-export";
constexpr int format_version = 1;

struct WaitingMail {
    MessageId message;
    ContentLocation location;
};

std::string second_of(std::chrono::system_clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Result<Tenant> find_named(Reader& reader, const std::string& text) {
    const auto id = TenantId::parse(text);
    RELEVO_TRY(const std::vector<Tenant> all, list_tenants(reader));
    for (const Tenant& tenant : all)
        if (tenant.name == text || (id.has_value() && tenant.id == *id)) return tenant;
    return failure(ErrorKind::not_found,
                   fmt::format("there is no tenant \"{}\"; `relevo tenant list` names them", text));
}

class Export {
 public:
    Export(backup::HeldStore& store, std::span<const Migration> known, ExportFolder& folder)
        : store_(store), known_(known), folder_(folder), view_(backup::view_of(store)) {}

    Result<Exported> run(const std::string& tenant) {
        RELEVO_TRY(const auto database, open_sqlite(*view_, backup::database_name));
        // Into the view's memory: rows of an older release may lack what the statements ask for, those of a newer one
        // are refused.
        RELEVO_CHECK(migrate(*database, known_));
        RELEVO_CHECK(database->read([&](Reader& reader) -> Result<void> {
            RELEVO_TRY(tenant_, find_named(reader, tenant));
            RELEVO_CHECK(write_tables(reader, ExportSource::mail));
            return find_mails(reader);
        }));
        exported_.tenant = tenant_.name;
        exported_.moment = store_.moment();
        RELEVO_CHECK(write_statistics());
        RELEVO_CHECK(store_.let_database_go());
        RELEVO_CHECK(write_mails());
        RELEVO_CHECK(write_summary());
        return std::move(exported_);
    }

 private:
    Result<void> write_tables(Reader& reader, ExportSource source) {
        for (const ExportTable& table : export_tables())
            if (table.source == source) RELEVO_CHECK(write_table(reader, table));
        return {};
    }

    Result<void> write_table(Reader& reader, const ExportTable& table) {
        ExportedFile made{.name = std::string(table.file) + ".jsonl"};
        RELEVO_TRY(ExportFile file, folder_.file(made.name));
        const auto write_row = [&](const Row& row) -> Result<void> {
            RELEVO_CHECK(store_.go_on());
            json::object line;
            int column = 0;
            for (const ExportColumn& one : table.columns) line[one.member] = one.form(row, column++);
            ++made.rows;
            return file.write(json::serialize(line) + "\n");
        };
        if (table.days.empty()) {
            RELEVO_CHECK(reader.query(table.sql, {tenant_.id.value}, write_row));
        } else {
            RELEVO_TRY(const std::vector<std::int64_t> days, days_of(reader, table));
            // Statements are kept as long as the database is open.
            DayStatement& statement = statements_.emplace_back(table.sql);
            for (const std::int64_t day : days)
                RELEVO_CHECK(reader.query(statement.of(day), {tenant_.id.value}, write_row));
        }
        RELEVO_CHECK(file.finish());
        exported_.files.push_back(std::move(made));
        return {};
    }

    static Result<std::vector<std::int64_t>> days_of(Reader& reader, const ExportTable& table) {
        RELEVO_TRY(std::vector<std::int64_t> days, history_days(reader, table.days.front(), 0));
        for (const std::string_view kind : table.days) {
            RELEVO_TRY(const std::vector<std::int64_t> others, history_days(reader, kind, 0));
            std::erase_if(days, [&](std::int64_t day) { return !std::ranges::binary_search(others, day); });
        }
        return days;
    }

    // Figures that are damaged are no reason to keep the rest from anybody.
    Result<void> write_statistics() {
        const auto problem = [&]() -> std::optional<std::string> {
            if (!store_.damage_of_statistics().empty()) return store_.damage_of_statistics();
            const auto found = problems_of_database(*view_, backup::statistics_name);
            if (!found.has_value()) return found.error().detail;
            return found->empty() ? std::nullopt : std::optional(found->front());
        };
        RELEVO_TRY(const bool exists, view_->exists(backup::statistics_name));
        if (!exists && store_.damage_of_statistics().empty()) return {};
        if (auto damage = problem()) {
            exported_.damaged.push_back(fmt::format("{}: {}", backup::statistics_name, *damage));
            return {};
        }
        RELEVO_TRY(const auto database, open_sqlite(*view_, backup::statistics_name));
        return database->read([&](Reader& reader) { return write_tables(reader, ExportSource::statistics); });
    }

    Result<void> find_mails(Reader& reader) {
        std::vector<std::int64_t> waiting;
        // The recipients of a message lie together.
        RELEVO_CHECK(reader.query("SELECT message_id FROM delivery WHERE tenant_id = $1 ORDER BY id",
                                  {tenant_.id.value}, [&](const Row& row) -> Result<void> {
                                      if (waiting.empty() || waiting.back() != row.integer(0))
                                          waiting.push_back(row.integer(0));
                                      return {};
                                  }));
        DayStatement& place =
            statements_.emplace_back("SELECT segment, segment_offset, size FROM message_{} WHERE id = $1");
        RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "message", 0));
        for (const std::int64_t id : waiting) {
            RELEVO_CHECK(store_.go_on());
            const MessageId message{id};
            const std::int64_t day = day_of(time_of(message));
            const std::size_t known = mails_.size();
            if (std::ranges::binary_search(days, day))
                RELEVO_CHECK(reader.query(place.of(day), {id}, [&](const Row& row) -> Result<void> {
                    mails_.push_back({message,
                                      {.segment = static_cast<std::uint32_t>(row.integer(0)),
                                       .offset = static_cast<Octets>(row.integer(1)),
                                       .length = static_cast<Octets>(row.integer(2))}});
                    return {};
                }));
            if (mails_.size() == known) exported_.damaged.push_back(message.text() + ": its row is missing");
        }
        return {};
    }

    Result<void> write_mails() {
        RELEVO_TRY(const auto contents, open_segments(*view_, {.reserve_octets = 0}));
        for (const WaitingMail& mail : mails_) {
            RELEVO_CHECK(store_.go_on());
            const auto content = contents->read(mail.message, mail.location);
            if (!content.has_value()) {
                exported_.damaged.push_back(fmt::format("{}: {}", mail.message.text(), content.error().detail));
                continue;
            }
            RELEVO_TRY(ExportFile file, folder_.file(fmt::format("mails/{}.eml", mail.message.text())));
            RELEVO_CHECK(file.write(*content));
            RELEVO_CHECK(file.finish());
            ++exported_.mails;
            exported_.octets += content->size();
        }
        return {};
    }

    Result<void> write_summary() {
        json::object files;
        for (const ExportedFile& one : exported_.files) files[one.name] = one.rows;
        const json::object summary{{"format", format_name},
                                   {"version", format_version},
                                   {"relevo", RELEVO_VERSION},
                                   {"tenant", tenant_.name},
                                   {"tenant_id", tenant_.id.text()},
                                   {"moment", second_of(exported_.moment)},
                                   {"rows", std::move(files)},
                                   {"mails", exported_.mails},
                                   {"damaged", json::array(exported_.damaged.begin(), exported_.damaged.end())}};
        RELEVO_TRY(ExportFile file, folder_.file("export.json"));
        RELEVO_CHECK(file.write(json::serialize(summary) + "\n"));
        return file.finish();
    }

    backup::HeldStore& store_;
    std::span<const Migration> known_;
    ExportFolder& folder_;
    std::unique_ptr<DiskView> view_;
    Tenant tenant_;
    std::deque<DayStatement> statements_;
    std::vector<WaitingMail> mails_;
    Exported exported_;
};

}  // namespace

Result<Exported> export_tenant(const Configuration& configuration, const ExportOptions& options,
                               std::span<const Migration> known) {
    const auto begin = SteadyClock::now();
    RELEVO_TRY(ExportFolder folder, ExportFolder::open(options.folder));
    RELEVO_TRY(const auto store, backup::hold_store(configuration));
    RELEVO_TRY(Exported exported, Export(*store, known, folder).run(options.tenant));
    RELEVO_CHECK(folder.publish());
    exported.time = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begin);
    return exported;
}

}  // namespace relevo::exporting

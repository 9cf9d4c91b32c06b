#include "app/backup/store_commands.h"

#include "app/backup/backup_folder.h"
#include "app/backup/create.h"
#include "app/backup/doctor.h"
#include "app/backup/restore.h"
#include "app/backup/verify.h"
#include "app/cli/command_line.h"
#include "app/cli/json_view.h"
#include "app/cli/output.h"
#include "app/cli/paragraph.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace relevo::backup {
namespace {

namespace json = boost::json;
using cli::ExitCode;

constexpr std::size_t shown_findings = 50;

std::string time_of(const Manifest& manifest) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(manifest.made_at)));
}

std::string size_of(Octets octets) { return cli::size_text(static_cast<std::int64_t>(octets)); }

json::array told(const std::vector<Finding>& findings) {
    json::array list;
    for (const Finding& finding : findings)
        list.emplace_back(
            json::object{{"kind", name_of(finding.kind)}, {"subject", finding.subject}, {"problem", finding.problem}});
    return list;
}

json::array told(const std::vector<std::string>& lines) { return json::array(lines.begin(), lines.end()); }

std::string lines_of(const std::vector<Finding>& findings) {
    std::string text;
    for (std::size_t i = 0; i < std::min(findings.size(), shown_findings); ++i)
        text += cli::paragraph("  ", fmt::format("{}: {}", findings[i].subject, findings[i].problem));
    if (findings.size() > shown_findings)
        text += fmt::format("  and {} more: --json lists all\n", findings.size() - shown_findings);
    return text;
}

void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

// The server goes first, for the processor and for the disk.
void step_back() {
    constexpr int of_this_process = 1, lowest_of_best_effort = (2 << 13) | 7;  // ioprio_set(2)
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, 10));
    static_cast<void>(::syscall(SYS_ioprio_set, of_this_process, 0, lowest_of_best_effort));
}

class Performer {
 public:
    Performer(const cli::StoreOptions& options, const Configuration* configuration, const StoreCommandPorts& ports)
        : options_(options), configuration_(configuration), ports_(ports) {}

    int run() {
        step_back();
        switch (options_.command) {
            case cli::StoreCommand::backup_create: return create();
            case cli::StoreCommand::backup_list: return list();
            case cli::StoreCommand::backup_verify: return verify();
            case cli::StoreCommand::backup_restore: return restore();
            case cli::StoreCommand::doctor: return doctor();
            case cli::StoreCommand::export_tenant: break;  // app/export
        }
        return static_cast<int>(ExitCode::usage);
    }

 private:
    int problem(const Error& error, ExitCode code = ExitCode::problem) const {
        cli::print_problem(options_.json, name_of(error.kind), error.detail);
        return static_cast<int>(code);
    }
    int end(bool is_well, const json::object& result, const std::string& text) const {
        print(options_.json ? cli::json_text(result) : text);
        return static_cast<int>(is_well ? ExitCode::ok : ExitCode::problem);
    }

    int create() const {
        const auto made = create_backup(*configuration_,
                                        {.folder = options_.folder,
                                         .configuration_path = options_.configuration_path,
                                         .keep = options_.keep,
                                         .full = options_.full,
                                         .rate = options_.rate},
                                        ports_.migrations);
        if (!made.has_value()) return problem(made.error());
        const Examination& found = made->examination;
        std::string text = fmt::format(
            "{} in {}: {} files, {}, of which {} were new; {:.1f} s\n"
            "Read back and found whole: {} waiting messages for {} recipients.\n",
            made->name, printable(options_.folder), made->files, size_of(made->octets), size_of(made->written),
            static_cast<double>(made->time.count()) / 1000,
            found.messages - std::ranges::count(found.findings, FindingKind::content, &Finding::kind),
            found.recipients);
        if (!found.findings.empty())
            text += fmt::format("{} of the store's parts are damaged, and so are they in the backup:\n{}",
                                found.findings.size(), lines_of(found.findings));
        for (const std::string& left_out : made->left_out) text += cli::paragraph("Not in it: ", left_out);
        if (made->removed > 0) text += fmt::format("{} older backups were removed.\n", made->removed);
        if (!made->not_removed.empty()) text += cli::paragraph("", made->not_removed);
        if (!made->not_recorded.empty())
            text +=
                cli::paragraph("The backup is good, but the server could not note it, and monitoring will miss it: ",
                               made->not_recorded);
        text += "It holds every message, login and key. Keep it where only you can read it.\n";
        return end(found.findings.empty() && made->not_removed.empty(),
                   {{"name", made->name},
                    {"folder", options_.folder},
                    {"files", made->files},
                    {"octets", made->octets},
                    {"written_octets", made->written},
                    {"milliseconds", made->time.count()},
                    {"messages", found.messages},
                    {"recipients", found.recipients},
                    {"findings", told(found.findings)},
                    {"left_out", told(made->left_out)},
                    {"removed", made->removed},
                    {"recorded", made->not_recorded.empty()}},
                   text);
    }

    int list() const {
        const auto folder = BackupFolder::open(options_.folder);
        if (!folder.has_value()) return problem(folder.error());
        const auto names = folder->names();
        if (!names.has_value()) return problem(names.error());
        cli::Table table({"backup", "of", "size", "messages", "recipients", "problem"});
        json::array entries;
        bool is_well = true;
        for (const std::string& name : *names) {
            const auto manifest = folder->manifest(name);
            is_well = is_well && manifest.has_value();
            if (!manifest.has_value()) {
                table.add({name, "-", "-", "-", "-", manifest.error().detail});
                entries.emplace_back(json::object{{"name", name}, {"problem", manifest.error().detail}});
                continue;
            }
            Octets octets = 0;
            for (const BackedUpFile& file : manifest->files) octets += file.size;
            table.add({name, time_of(*manifest), size_of(octets), std::to_string(manifest->messages),
                       std::to_string(manifest->recipients), "-"});
            entries.emplace_back(json::object{{"name", name},
                                              {"made_at", manifest->made_at.time_since_epoch().count()},
                                              {"octets", octets},
                                              {"messages", manifest->messages},
                                              {"recipients", manifest->recipients},
                                              {"problem", nullptr}});
        }
        return end(is_well, {{"backups", std::move(entries)}}, table.empty() ? "No backup yet.\n" : table.text());
    }

    int verify() const {
        const auto verified = verify_backup(options_.folder, options_.name, ports_.migrations);
        if (!verified.has_value()) return problem(verified.error());
        const bool is_well = verified->damage.empty() && verified->examination.findings.empty();
        std::string text = fmt::format("{} of {} (Relevo {}, {})\n", verified->name, time_of(verified->manifest),
                                       printable(verified->manifest.version), printable(verified->manifest.host_name));
        for (const std::string& damage : verified->damage) text += cli::paragraph("Damaged: ", damage);
        if (!verified->damage.empty())
            text += "It cannot be restored. `relevo backup create --full` makes one that leans on no other.\n";
        else if (!is_well)
            text += "Every octet is as it was written, but the store was damaged already:\n" +
                    lines_of(verified->examination.findings);
        else
            text += fmt::format("Whole: every octet is as it was written; {} waiting messages for {} recipients.\n",
                                verified->examination.messages, verified->examination.recipients);
        return end(is_well,
                   {{"name", verified->name},
                    {"made_at", verified->manifest.made_at.time_since_epoch().count()},
                    {"whole", is_well},
                    {"damage", told(verified->damage)},
                    {"findings", told(verified->examination.findings)},
                    {"messages", verified->examination.messages},
                    {"recipients", verified->examination.recipients}},
                   text);
    }

    int restore() const {
        RestoreOptions wanted{.folder = options_.folder,
                              .name = options_.name,
                              .data_dir = options_.data_dir,
                              .queue = options_.send_queued ? RestoredQueue::waiting : RestoredQueue::held};
        if (wanted.data_dir.empty() && configuration_ != nullptr) wanted.data_dir = configuration_->server.data_dir;
        if (wanted.data_dir.empty())
            return problem({ErrorKind::invalid, "where to? Without a configuration, --data-dir names the folder"},
                           ExitCode::usage);
        const auto restored = restore_backup(wanted, ports_.migrations);
        if (!restored.has_value()) return problem(restored.error());
        std::string owner;
        if (const auto given = ports_.give_to_user(restored->files); !given.has_value())
            owner = "The files belong to you, since the server's user is not known (" + given.error().detail +
                    "): give them to it before it starts.";
        std::string text = fmt::format("{} of {} is in {}.\n", restored->name, time_of(restored->manifest),
                                       printable(wanted.data_dir));
        if (!restored->configuration.empty())
            text +=
                cli::paragraph("", "Files from elsewhere, such as the configuration and certificates, are in " +
                                       restored->configuration + " under their old paths: put in place what you need.");
        if (!owner.empty()) text += cli::paragraph("", owner);
        if (restored->held > 0)
            text += cli::paragraph(
                "",
                fmt::format("{} recipients still waited in the backup. They are held, since the old server may have "
                            "delivered to them afterwards: `relevo queue list --state restored` lists them, `relevo "
                            "queue release --state restored` sends them, `relevo queue drop --state restored` does "
                            "not.",
                            restored->held));
        return end(
            true,
            {{"name", restored->name},
             {"data_dir", wanted.data_dir},
             {"made_at", restored->manifest.made_at.time_since_epoch().count()},
             {"messages", restored->manifest.messages},
             {"recipients", restored->manifest.recipients},
             {"held", restored->held},
             {"configuration", restored->configuration.empty() ? json::value() : json::value(restored->configuration)}},
            text);
    }

    int doctor() const {
        const auto found = examine_host(*configuration_, ports_.migrations);
        if (!found.has_value()) return problem(found.error(), ExitCode::unreachable);
        const bool is_well = found->findings.empty();
        std::string text = is_well ? "Fine"
                                   : fmt::format("Damaged: {} finding{}\n{}", found->findings.size(),
                                                 found->findings.size() == 1 ? "" : "s", lines_of(found->findings));
        text += fmt::format("{}{} waiting messages for {} recipients, {}\n", is_well ? ": " : "Looked at ",
                            found->messages, found->recipients, size_of(found->octets));
        if (found->missing_changes > 0)
            text += fmt::format("The tables are those of an older Relevo: {} changes are made at the next start.\n",
                                found->missing_changes);
        return end(is_well,
                   {{"verdict", is_well ? "fine" : "damaged"},
                    {"messages", found->messages},
                    {"recipients", found->recipients},
                    {"octets", found->octets},
                    {"missing_changes", found->missing_changes},
                    {"findings", told(found->findings)}},
                   text);
    }

    const cli::StoreOptions& options_;
    const Configuration* configuration_;
    const StoreCommandPorts& ports_;
};

}  // namespace

int perform(const cli::StoreOptions& options, const Configuration* configuration, const StoreCommandPorts& ports) {
    return Performer(options, configuration, ports).run();
}

}  // namespace relevo::backup

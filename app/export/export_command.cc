#include "app/export/export_command.h"

#include "app/cli/command_line.h"
#include "app/cli/json_view.h"
#include "app/cli/output.h"
#include "app/cli/paragraph.h"
#include "app/export/tenant_export.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace relevo::exporting {
namespace {

namespace json = boost::json;
using cli::ExitCode;

constexpr std::size_t shown_damage = 20;

json::object json_of(const Exported& exported, const std::string& folder) {
    json::object rows;
    for (const ExportedFile& file : exported.files) rows[file.name] = file.rows;
    return {{"tenant", exported.tenant},
            {"folder", folder},
            {"rows", std::move(rows)},
            {"mails", exported.mails},
            {"mail_octets", exported.octets},
            {"damaged", json::array(exported.damaged.begin(), exported.damaged.end())},
            {"milliseconds", exported.time.count()}};
}

std::string text_of(const Exported& exported, const std::string& folder) {
    std::int64_t rows = 0;
    for (const ExportedFile& file : exported.files) rows += file.rows;
    std::string text = fmt::format("{} is in {}: {} rows in {} files, {} waiting mails ({}); {:.1f} s\n",
                                   printable(exported.tenant), printable(folder), rows, exported.files.size(),
                                   exported.mails, cli::size_text(static_cast<std::int64_t>(exported.octets)),
                                   static_cast<double>(exported.time.count()) / 1000);
    for (std::size_t i = 0; i < std::min(exported.damaged.size(), shown_damage); ++i)
        text += cli::paragraph("Not in it, since it is damaged: ", exported.damaged[i]);
    if (exported.damaged.size() > shown_damage)
        text += fmt::format("and {} more: export.json names them.\n", exported.damaged.size() - shown_damage);
    return text +
           "It holds the addresses and mail of others, but no password or key. Keep it where only those may read "
           "it whom it is for.\n";
}

}  // namespace

int perform(const cli::StoreOptions& options, const Configuration& configuration,
            std::span<const Migration> migrations) {
    const auto exported =
        export_tenant(configuration, {.tenant = options.tenant, .folder = options.folder}, migrations);
    if (!exported.has_value()) {
        cli::print_problem(options.json, name_of(exported.error().kind), exported.error().detail);
        return static_cast<int>(ExitCode::problem);
    }
    const std::string said =
        options.json ? cli::json_text(json_of(*exported, options.folder)) : text_of(*exported, options.folder);
    std::fputs(said.c_str(), stdout);
    std::fflush(stdout);
    return static_cast<int>(exported->damaged.empty() ? ExitCode::ok : ExitCode::problem);
}

}  // namespace relevo::exporting

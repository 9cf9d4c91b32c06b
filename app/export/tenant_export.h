// Writes everything of a tenant into a folder: docs/formats/export.md.
#pragma once

#include "app/configuration/configuration.h"
#include "core/ports/migration.h"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace relevo::exporting {

struct ExportOptions {
    std::string tenant;  // its name or id
    std::string folder;  // missing or empty
};

struct ExportedFile {
    std::string name;  // "events.jsonl"
    std::int64_t rows = 0;
};

struct Exported {
    std::string tenant;
    std::chrono::system_clock::time_point moment;  // that all of it shows
    std::vector<ExportedFile> files;
    std::int64_t mails = 0;
    Octets octets = 0;                 // of the mails
    std::vector<std::string> damaged;  // what could not be read, a line each: it is not in the export
    std::chrono::milliseconds time{0};
};

// As the store stood at one moment, whether a server runs or not. Memory holds a row, or a message, at a time, and the
// places of the mails that wait. The folder counts when it returns; before, nothing is there.
// Errors: not_found – no such tenant. conflict – the folder holds something; or the server could not wait any longer
// (it holds its files still until its log is 512 MiB). damaged – the database is. unsupported, full, refused.
[[nodiscard]] Result<Exported> export_tenant(const Configuration& configuration, const ExportOptions& options,
                                             std::span<const Migration> known);

}  // namespace relevo::exporting

// Is a store whole? Looks at everything that the server relies on, and changes nothing.
#pragma once

#include "core/ports/disk.h"
#include "core/ports/migration.h"
#include "lib/base/identifier.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace relevo::backup {

enum class FindingKind : std::uint8_t {
    database,    // the file itself, or its rows disagree
    content,     // of one message
    statistics,  // the figures and the search; they are counted anew
    key,         // cannot be opened
    access,      // others may read or change what is ours
    space,       // too little of it is left
};
[[nodiscard]] std::string_view name_of(FindingKind kind);

struct Finding {
    FindingKind kind = FindingKind::database;
    std::string subject;  // "msg_…", a file or a key
    std::string problem;
};

// Of statistics.db.
[[nodiscard]] Finding finding_of_statistics(std::string_view problem);

struct Examination {
    std::int64_t messages = 0, recipients = 0;  // that wait
    Octets octets = 0;                          // of their contents
    std::int64_t missing_changes = 0;           // of the schema: the next start makes them
    std::vector<Finding> findings;
};

// The database with SQLite's own check; then that each waiting recipient has its message, and each waiting message its
// content, all of it, with the right checksums. `view` needs not be writable. `go_on` is called for each message.
// Errors: unsupported – the store was written by a newer Relevo. What `go_on` returned. Whatever else keeps it from
// coming to an end; what is damaged is a finding.
[[nodiscard]] Result<Examination> examine_store(Disk& view, std::span<const Migration> known,
                                                const std::function<Result<void>()>& go_on);

}  // namespace relevo::backup

// Reads what can still be read of a damaged database, row by row around the damage.
#pragma once

#include "core/ports/disk.h"
#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct SalvagedTable {
    std::string name;
    std::int64_t rows = 0;  // copied
    std::string problem;    // why there may have been more, or others; empty if every row was read as it was written
    // Row ids of those that were copied from pages with a wrong checksum: something in them, or beside them, changed.
    std::vector<std::int64_t> doubtful;
};

// The name under which salvage() tells that the list of tables itself could not be read to its end.
inline constexpr std::string_view table_list_name = "sqlite_schema";

// What SQLite finds wrong in a database file, a line each, up to 20; empty: nothing. Nobody else may use the file.
// Errors: io – it cannot be opened at all.
[[nodiscard]] Result<std::vector<std::string>> problems_of_database(Disk& disk, const std::string& name);

// Copies the rows of database `from`, its log included, into database `into`, which has the tables of this release;
// other tables of `from` are made there. What a page with a wrong checksum still shows is copied as `doubtful`; a page
// that shows no rows costs those on it. `from` is not changed. In a file without checksums (made before there were any)
// a changed octet inside a row that is otherwise in order is not noticed. Where the list of tables,
// which lies on several pages, ends early, the tables behind are lost: it is told as table_list_name, and each table of
// this release that it does not name. Errors: io – nothing of the list of tables can be read; or `into` fails.
[[nodiscard]] Result<std::vector<SalvagedTable>> salvage(Disk& disk, const std::string& from, const std::string& into);

}  // namespace relevo

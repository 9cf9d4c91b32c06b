// Which rows of a tenant go into which file: docs/formats/export.md is this table in words.
#pragma once

#include "app/export/row_form.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace relevo::exporting {

struct ExportColumn {
    std::string_view member;
    RowForm form;
};

enum class ExportSource : std::uint8_t { mail, statistics };  // relevo.db, statistics.db

struct ExportTable {
    std::string_view file;  // without ".jsonl"
    ExportSource source = ExportSource::mail;
    std::string_view sql;                  // $1: the tenant; with "{0}" in it: once for each day, in its order
    std::vector<ExportColumn> columns;     // of its result, in that order
    std::vector<std::string_view> days{};  // kinds of history that must have a table of that day
};

[[nodiscard]] std::span<const ExportTable> export_tables();

}  // namespace relevo::exporting

#include "app/cli/suppression_file.h"

#include "app/cli/json_view.h"
#include "lib/base/text.h"
#include "lib/csv/csv.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

namespace relevo::cli {
namespace {

constexpr Octets file_limit = 64 * mebibyte;
constexpr std::size_t rows_at_once = 500;
constexpr std::size_t problems_told = 1000;
constexpr std::int64_t page_rows = 5000;
constexpr std::string_view columns[] = {"tenant", "address", "reason", "text", "created_at", "expires_at", "message"};

Result<std::string> text_of_file(const std::string& path) {
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
        if (!file) return failure(ErrorKind::io, fmt::format("\"{}\" cannot be read", printable(path)));
    }
    std::istream& input = path == "-" ? std::cin : file;
    std::string text(static_cast<std::size_t>(file_limit) + 1, '\0');
    input.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(input.gcount()));
    if (text.size() > file_limit)
        return failure(ErrorKind::limit,
                       fmt::format("the file is larger than {} MiB: split it", file_limit / mebibyte));
    return text;
}

// Which cell holds what. Without a line of names the first cell is the address.
struct Columns {
    std::size_t address = 0;
    std::optional<std::size_t> reason, text, expires_at;
    bool are_named = false;
};

Columns columns_of(const std::vector<std::string>& cells) {
    const auto find = [&](std::initializer_list<std::string_view> names) -> std::optional<std::size_t> {
        const auto found = std::ranges::find_if(cells, [&](const std::string& cell) {
            return std::ranges::any_of(names, [&](std::string_view name) { return equals_ignoring_case(cell, name); });
        });
        if (found == cells.end()) return std::nullopt;
        return static_cast<std::size_t>(found - cells.begin());
    };
    const auto address = find({"address", "email", "e-mail", "mail", "correo", "dirección"});
    if (!address) return {};
    return {.address = *address,
            .reason = find({"reason", "motivo"}),
            .text = find({"text", "texto"}),
            .expires_at = find({"expires_at", "expires", "caduca"}),
            .are_named = true};
}

// Adds portions up and sends them.
class Import {
 public:
    Import(RequestPerformer& performer, const CommandSpec& command, const boost::json::object& arguments)
        : performer_(performer), command_(command), arguments_(arguments) {
        arguments_.erase("file");
    }

    Result<boost::json::value> take(std::string_view text) {
        CsvReader reader(text);
        std::optional<Columns> named;
        while (const auto row = reader.next()) {
            if (!row->cells.has_value()) {
                add_problem(row->line, row->cells.error().detail);
                continue;
            }
            if (!named) {
                named = columns_of(*row->cells);
                if (named->are_named) continue;
            }
            add(row->line, *row->cells, *named);
            if (rows_.size() == rows_at_once) RELEVO_CHECK(send());
        }
        if (!rows_.empty()) RELEVO_CHECK(send());
        return boost::json::value{{"added", added_},
                                  {"replaced", replaced_},
                                  {"kept", kept_},
                                  {"broken", broken_},
                                  {"problems", std::move(problems_)}};
    }

 private:
    void add_problem(std::size_t line, std::string_view problem) {
        ++broken_;
        if (problems_.size() < problems_told)
            problems_.emplace_back(boost::json::object{{"line", line}, {"problem", problem}});
    }

    void add(std::size_t line, const std::vector<std::string>& cells, const Columns& named) {
        if (cells.size() <= named.address) return add_problem(line, "there is no address in this line");
        boost::json::object row{{"line", line}, {"address", cells[named.address]}};
        const auto take = [&](std::string_view name, std::optional<std::size_t> column, std::size_t limit) {
            if (column && *column < cells.size() && !cells[*column].empty())
                row[name] = cells[*column].substr(0, limit);
        };
        take("reason", named.reason, 100);
        take("text", named.text, 500);
        take("expires_at", named.expires_at, 100);
        rows_.emplace_back(std::move(row));
        first_line_ = first_line_ == 0 ? line : first_line_;
    }

    Result<void> send() {
        boost::json::object request = arguments_;
        request["rows"] = std::move(rows_);
        rows_ = {};
        const std::size_t first_line = std::exchange(first_line_, 0);
        const Performed performed = performer_.perform(command_, request);
        if (performed.code != ExitCode::ok)
            return failure(ErrorKind::refused,
                           fmt::format("{} (nothing from line {} on was taken)", performed.problem, first_line));
        added_ += number(performed.result, "added");
        replaced_ += number(performed.result, "replaced");
        kept_ += number(performed.result, "kept");
        for (const boost::json::value& one : elements(performed.result, "problems"))
            add_problem(static_cast<std::size_t>(number(one, "line")), text(one, "problem"));
        return {};
    }

    RequestPerformer& performer_;
    const CommandSpec& command_;
    boost::json::object arguments_;
    boost::json::array rows_, problems_;
    std::size_t first_line_ = 0;
    std::int64_t added_ = 0, replaced_ = 0, kept_ = 0, broken_ = 0;
};

}  // namespace

Result<boost::json::value> import_list(RequestPerformer& performer, const CommandSpec& command,
                                       const boost::json::object& arguments) {
    RELEVO_TRY(const std::string content, text_of_file(std::string(text(arguments, "file"))));
    return Import(performer, command, arguments).take(content);
}

Result<void> export_list(RequestPerformer& performer, const CommandSpec& command, boost::json::object arguments,
                         std::ostream& output) {
    std::vector<std::string> cells(std::begin(columns), std::end(columns));
    output << write_csv_row(cells);
    arguments["limit"] = page_rows;
    for (;;) {
        const Performed page = performer.perform(command, arguments);
        if (page.code != ExitCode::ok) return failure(ErrorKind::refused, page.problem);
        for (const boost::json::value& entry : elements(page.result, "entries")) {
            cells.clear();
            for (const std::string_view column : columns) cells.push_back(text(entry, column, ""));
            output << write_csv_row(cells);
        }
        const std::string next = text(page.result, "next", "");
        if (next.empty()) return {};
        arguments["after"] = next;
    }
}

}  // namespace relevo::cli

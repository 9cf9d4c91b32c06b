#include "app/web/console_files.h"

#include "lib/base/text.h"

#include <optional>

namespace relevo {
namespace {

constexpr std::string_view first_line = "relevo console 1\n";

std::string_view take(std::string_view& text, char end) {
    const auto at = text.find(end);
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return taken;
}

// The part of the octets that a line names by offset and length.
std::optional<std::string_view> part_of(std::string_view octets, std::string_view& line) {
    const auto offset = parse_decimal<std::size_t>(take(line, '\t'));
    const auto length = parse_decimal<std::size_t>(take(line, '\t'));
    if (!offset || !length || *offset > octets.size() || *length > octets.size() - *offset) return std::nullopt;
    return octets.substr(*offset, *length);
}

}  // namespace

Result<ConsoleFiles> ConsoleFiles::parse(std::string_view pack) {
    const auto end = pack.find("\n\n");
    if (!pack.starts_with(first_line) || end == std::string_view::npos)
        return failure(ErrorKind::invalid, "this is no packed console");
    const std::string_view octets = pack.substr(end + 2);
    std::string_view index = pack.substr(first_line.size(), end + 1 - first_line.size());
    ConsoleFiles files;
    while (!index.empty()) {
        std::string_view line = take(index, '\n');
        const std::string_view path = take(line, '\t');
        ConsoleFile file;
        file.media_type = take(line, '\t');
        file.etag = take(line, '\t');
        const auto content = part_of(octets, line), gzipped = part_of(octets, line);
        if (!content || !gzipped) return failure(ErrorKind::invalid, "the index of the packed console is damaged");
        file.content = *content;
        file.gzipped = *gzipped;
        files.files_[path] = file;
    }
    if (files.find("/index.html") == nullptr) return failure(ErrorKind::invalid, "the console has no /index.html");
    return files;
}

const ConsoleFile* ConsoleFiles::find(std::string_view path) const {
    const auto found = files_.find(path);
    return found == files_.end() ? nullptr : &found->second;
}

}  // namespace relevo

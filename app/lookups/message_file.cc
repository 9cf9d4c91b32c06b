#include "app/lookups/message_file.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace relevo::lookups {
namespace {

struct Close {
    void operator()(std::FILE* file) const {
        if (file != stdin) std::fclose(file);
    }
};

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit_octets) {
    const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"));
    if (!file) return failure(ErrorKind::io, fmt::format("{}: {}", path, std::strerror(errno)));
    std::string text;
    std::array<char, 64UL * 1024> buffer{};
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
        if (got > limit_octets - text.size())
            return failure(ErrorKind::limit, fmt::format("{}: larger than {} octets", path, limit_octets));
        text.append(buffer.data(), got);
    }
    if (std::ferror(file.get()) != 0) return failure(ErrorKind::io, fmt::format("{}: {}", path, std::strerror(errno)));
    return text;
}

MessageFile message_from(std::string text) {
    MessageFile file;
    if (text.starts_with("From ")) {
        file.had_mbox_line = true;
        const std::size_t end = text.find('\n');
        text.erase(0, end == std::string::npos ? text.size() : end + 1);
    }
    if (text.find("\r\n") != std::string::npos || text.find('\n') == std::string::npos) {
        file.content = std::move(text);
        return file;
    }
    file.had_bare_line_feeds = true;
    file.content.reserve(text.size() + text.size() / 32);
    for (const char c : text) {
        if (c == '\n') file.content += '\r';
        file.content += c;
    }
    return file;
}

}  // namespace relevo::lookups

#include "adapters/net/port_holder.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace relevo::net {
namespace {

namespace fs = std::filesystem;

// The inode of the socket that listens on `port` (state 0A in /proc/net/tcp), or "".
std::string inode_of_listener(const std::string& table, std::uint16_t port) {
    std::ifstream lines(table);
    const std::string wanted = fmt::format(":{:04X}", port);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
        words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
        if (state == "0A" && local.ends_with(wanted)) return inode;
    }
    return {};
}

bool holds(const fs::path& process, const std::string& link_text) {
    std::error_code problem;
    for (fs::directory_iterator entry(process / "fd", problem), end; !problem && entry != end;
         entry.increment(problem)) {
        std::error_code unreadable;
        if (fs::read_symlink(entry->path(), unreadable).string() == link_text) return true;
    }
    return false;
}

std::string name_of_process(const fs::path& process) {
    std::ifstream file(process / "comm");
    std::string name;
    std::getline(file, name);
    return printable(name, 40);
}

}  // namespace

std::string holder_of(const Endpoint& endpoint) {
    std::string inode = endpoint.address.is_v4() ? inode_of_listener("/proc/net/tcp", endpoint.port) : std::string();
    if (inode.empty()) inode = inode_of_listener("/proc/net/tcp6", endpoint.port);
    if (inode.empty()) return {};
    const std::string link_text = "socket:[" + inode + "]";
    std::error_code problem;
    for (fs::directory_iterator entry("/proc", problem), end; !problem && entry != end; entry.increment(problem)) {
        const std::string name = entry->path().filename();
        if (!parse_decimal<unsigned>(name) || !holds(entry->path(), link_text)) continue;
        return fmt::format("{} (process {})", name_of_process(entry->path()), name);
    }
    return "a process of another user";
}

}  // namespace relevo::net

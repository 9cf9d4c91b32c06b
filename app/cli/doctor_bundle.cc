#include "app/cli/doctor_bundle.h"

#include "app/cli/check.h"
#include "app/cli/json_view.h"
#include "app/cli/output.h"
#include "app/cli/performer.h"
#include "app/configuration/reference.h"
#include "core/ports/file_descriptor.h"
#include "lib/base/text.h"

#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace relevo::cli {
namespace {

constexpr std::size_t most_files = 2000;              // of the store
constexpr std::streamoff log_end_octets = 64 * 1024;  // of a log file
constexpr std::string_view struck_out = "[secret]";

std::string first_line_of(const char* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\""
std::string system_name() {
    std::ifstream file("/etc/os-release");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("PRETTY_NAME=")) return std::string(line.substr(12));
    return "unknown";
}

std::string limit_text(rlim_t limit) { return limit == RLIM_INFINITY ? "unlimited" : fmt::format("{}", limit); }

std::string machine() {
    utsname names{};
    ::uname(&names);
    struct sysinfo facts{};
    ::sysinfo(&facts);
    std::string page = fmt::format(
        "system: {}\nkernel: {} {} {}\nprocessors: {}\nmemory: {} of {} MiB free\nload: {}\nup: {} h\nuser: {}\n",
        system_name(), names.sysname, names.release, names.machine, std::thread::hardware_concurrency(),
        facts.freeram * facts.mem_unit / 1048576, facts.totalram * facts.mem_unit / 1048576,
        first_line_of("/proc/loadavg"), facts.uptime / 3600, ::geteuid());
    for (const auto& [name, resource] :
         std::initializer_list<std::pair<std::string_view, decltype(RLIMIT_NOFILE)>>{{"open files", RLIMIT_NOFILE},
                                                                                     {"processes", RLIMIT_NPROC},
                                                                                     {"core", RLIMIT_CORE},
                                                                                     {"memory", RLIMIT_AS}}) {
        rlimit limit{};
        if (::getrlimit(resource, &limit) == 0)
            page += fmt::format("limit of {}: {}, at most {}\n", name, limit_text(limit.rlim_cur),
                                limit_text(limit.rlim_max));
    }
    return page;
}

// Names alone: what they hold may be secret.
std::string environment_names() {
    std::string page;
    for (const auto& [name, content] : process_environment())
        if (name.starts_with("RELEVO_") || name.starts_with("LISTEN_") || name == "CREDENTIALS_DIRECTORY" ||
            name == "NOTIFY_SOCKET" || name == "INVOCATION_ID" || name == "LANG" || name == "TZ")
            page += name + "\n";
    return page;
}

std::string store_files(const std::string& folder) {
    struct statvfs disk{};
    std::string page = folder + "\n";
    if (::statvfs(folder.c_str(), &disk) == 0)
        page += fmt::format("disk: {} of {} MiB free, {} of {} inodes\n", disk.f_bavail * disk.f_frsize / 1048576,
                            disk.f_blocks * disk.f_frsize / 1048576, disk.f_favail, disk.f_files);
    std::error_code problem;
    std::filesystem::recursive_directory_iterator files(folder, problem);
    std::vector<std::string> lines;
    std::uintmax_t octets = 0;
    std::size_t count = 0;
    for (; !problem && files != std::filesystem::recursive_directory_iterator(); files.increment(problem)) {
        struct stat facts{};
        if (::lstat(files->path().c_str(), &facts) != 0) continue;
        octets += static_cast<std::uintmax_t>(facts.st_size);
        if (++count <= most_files)
            lines.push_back(fmt::format("{:>14} {:04o} {:>6} {}\n", facts.st_size, facts.st_mode & 07777U, facts.st_uid,
                                        files->path().lexically_relative(folder).string()));
    }
    std::ranges::sort(lines, {}, [](const std::string& line) { return line.substr(27); });
    for (const std::string& line : lines) page += line;
    page += fmt::format("{} files, {} octets\n", count, octets);
    if (problem) page += fmt::format("not all could be seen: {}\n", problem.message());
    return page;
}

std::string end_of_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return fmt::format("{}: {}\n", path, std::generic_category().message(errno));
    const std::streamoff size = file.tellg();
    file.seekg(std::max<std::streamoff>(0, size - log_end_octets));
    std::string text(static_cast<std::size_t>(std::min(size, log_end_octets)), '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    return text;
}

std::vector<std::string> secrets_of(const Configuration& configuration) {
    std::vector<std::string> secrets;
    for (const RouteSettings& route : configuration.routes) secrets.push_back(route.password.value);
    for (const SourceSettings& source : configuration.sources) secrets.push_back(source.proxy_password.value);
    secrets.push_back(configuration.checks.spamhaus_key.value);
    return secrets;
}

class Bundle {
 public:
    Bundle(const std::string& path, const Result<Configuration>& configuration, Commands& commands)
        : path_(path), configuration_(configuration), commands_(commands) {}

    std::string make() {
        add("Relevo", fmt::format("version {}\nwritten {:%FT%TZ}\n", RELEVO_VERSION,
                                  std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())));
        add("Machine", machine());
        add("Environment: names of variables", environment_names());
        if (configuration_)
            add_configured();
        else
            add("Configuration: cannot be used", fmt::format("{}\n{}\n", path_, configuration_.error().detail));
        return without_secrets(std::move(text_),
                               configuration_ ? secrets_of(*configuration_) : std::vector<std::string>());
    }

 private:
    void add(std::string_view title, std::string_view body) {
        text_ += fmt::format("==== {}\n\n{}\n", title, body.empty() ? "nothing\n" : body);
    }

    void add_configured() {
        add("Configuration in force: " + path_, write_configuration(*configuration_));
        std::string checks;
        for (const setup::CheckItem& item : check_machine(path_, configuration_))
            checks += fmt::format("{:<8} {}: {}\n", setup::name_of(item.status), item.id, item.found.english);
        add("Checks of this machine", checks);
        for (const std::string_view command : {"status", "queue summary", "site list", "problems"})
            add(fmt::format("relevo {}", command), answer(command));
        add("Files of the store", store_files(configuration_->server.data_dir));
        add("End of the log", configuration_->log.file.empty()
                                  ? "It goes to standard error: `journalctl -u relevo -n 500` shows it.\n"
                                  : end_of_file(configuration_->log.file));
    }

    // A failure is worth knowing as well.
    std::string answer(std::string_view command) {
        Performed performed = RequestPerformer(*configuration_, commands_).perform(*find_command(command), {});
        if (performed.code != ExitCode::ok) return performed.problem + "\n";
        if (command != "problems") return json_text(performed.result);
        std::string lines;
        for (const boost::json::value& line : elements(performed.result, "lines"))
            if (line.is_string()) lines += std::string(line.get_string()) + "\n";
        return lines;
    }

    const std::string& path_;
    const Result<Configuration>& configuration_;
    Commands& commands_;
    std::string text_;
};

bool belongs_to_address(char c) {
    constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~.";
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80 ||
           others.contains(c);
}

// Where the quoted text at the end of `text` begins, on the same line; its end if it is none.
std::size_t begin_of_quoted(std::string_view text) {
    const std::size_t quote = text.substr(0, text.size() - 1).find_last_of("\"\n");
    if (quote == std::string_view::npos || text[quote] != '"') return text.size();
    return quote > 0 && text[quote - 1] == '\\' ? quote - 1 : quote;  // inside JSON
}

// "192.0.2.53@5353" names a resolver.
bool is_port(std::string_view text) {
    const std::size_t end = text.find_first_not_of("0123456789");
    return end != 0 && (end == std::string_view::npos || !belongs_to_address(text[end]));
}

}  // namespace

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets) {
        if (secret.empty()) continue;
        for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += struck_out.size())
            text.replace(at, secret.size(), struck_out);
    }
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '@' && !is_port(std::string_view(text).substr(at + 1))) {
            const std::size_t before = result.size();
            if (result.ends_with('"')) result.erase(begin_of_quoted(result));
            while (!result.empty() && belongs_to_address(result.back())) result.pop_back();
            if (result.size() != before) result += "…";
        }
        result += c;
    }
    return result;
}

Result<void> write_doctor_bundle(const std::string& file, const std::string& configuration_path,
                                 const Result<Configuration>& configuration, Commands& commands) {
    FileDescriptor descriptor(::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    if (!descriptor)
        return failure(errno == EEXIST ? ErrorKind::conflict : ErrorKind::io,
                       fmt::format("{}: {}", file, std::generic_category().message(errno)));
    const std::string text = Bundle(configuration_path, configuration, commands).make();
    for (std::string_view rest = text; !rest.empty();) {
        const ssize_t count = ::write(descriptor.get(), rest.data(), rest.size());
        if (count < 0) {
            const int number = errno;
            ::unlink(file.c_str());
            return failure(ErrorKind::io, fmt::format("{}: {}", file, std::generic_category().message(number)));
        }
        rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

}  // namespace relevo::cli

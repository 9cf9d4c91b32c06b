#include "adapters/telemetry/process_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <dirent.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace relevo::telemetry {
namespace {

void render_one(std::string& out, std::string_view name, std::string_view type, std::string_view help, double value) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
}

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double resident_octets() {
    std::ifstream file("/proc/self/statm");
    double total = 0;
    double resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
    DIR* folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return 0;
    double count = -3;  // ".", ".." and the folder itself
    while (::readdir(folder) != nullptr) ++count;
    ::closedir(folder);
    return count;
}

// Field 22 of proc(5): ticks between the machine's start and the process's.
double start_time() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream fields(line.substr(std::min(line.size(), line.rfind(')') + 1)));
    std::string field;
    for (int number = 3; number <= 22; ++number) fields >> field;
    double ticks = 0;
    const auto* end = field.data() + field.size();
    if (std::from_chars(field.data(), end, ticks).ptr != end) return 0;
    timespec since_boot{};
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<double>(now.tv_sec - since_boot.tv_sec) + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

void render_process(std::string& out) {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    render_one(out, "process_cpu_seconds_total", "counter", "Processor time used.",
               seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    render_one(out, "process_start_time_seconds", "gauge", "When the process was started.", start_time());
    render_one(out, "process_resident_memory_bytes", "gauge", "Memory in use.", resident_octets());
    render_one(out, "process_open_fds", "gauge", "Open descriptors.", open_descriptors());
    render_one(out, "process_max_fds", "gauge", "Most descriptors allowed.", static_cast<double>(descriptors.rlim_cur));
}

}  // namespace relevo::telemetry

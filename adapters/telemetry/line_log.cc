#include "adapters/telemetry/line_log.h"

#include "adapters/telemetry/line_format.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace relevo::telemetry {
namespace {

// The writer gathers lines for so long before it writes: a wake-up costs more than a line.
constexpr std::chrono::milliseconds gathering{20};
constexpr std::size_t kept_problems = 200;
constexpr std::size_t urgent_octets = 64 * kibibyte;

int open_for_appending(const std::string& file) {
    return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

// As syslog(3) numbers them.
std::string_view priority_prefix(Level level) {
    switch (level) {
        case Level::debug: return "<7>";
        case Level::info: return "<6>";
        case Level::warning: return "<4>";
        case Level::error: return "<3>";
    }
    return "";
}

void write_all(int descriptor, std::string_view octets) {
    while (!octets.empty()) {
        const ssize_t count = ::write(descriptor, octets.data(), octets.size());
        if (count > 0)
            octets.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            return;  // a full disk: nobody is left to tell
    }
}

}  // namespace

struct LineLog::State {
    LineLogOptions options;
    std::atomic<Level> minimum;
    int descriptor = STDERR_FILENO;

    std::mutex mutex;
    std::condition_variable for_writer;
    std::condition_variable for_flushers;
    std::string pending;  // guarded, as all below
    std::uint64_t dropped = 0;
    std::deque<std::string> problems;
    std::uint64_t warnings = 0, errors = 0;
    bool is_writing = false;
    bool is_urgent = false;  // do not gather
    bool must_reopen = false;
    bool must_stop = false;

    std::thread writer;

    void run();
    [[nodiscard]] bool has_room_for(Level level) const;
    void remember(Level level, std::string_view line);
    void tell_dropped();
    void open_again();
};

bool LineLog::State::has_room_for(Level level) const {
    const Octets limit = level >= Level::warning ? options.queue_limit_octets : options.queue_limit_octets / 2;
    return pending.size() < limit;
}

void LineLog::State::remember(Level level, std::string_view line) {
    ++(level == Level::error ? errors : warnings);
    if (problems.size() == kept_problems) problems.pop_front();
    if (options.prefix == LinePrefix::priority) line.remove_prefix(priority_prefix(Level::warning).size());
    problems.emplace_back(line.substr(0, line.find('\n')));
}

void LineLog::State::tell_dropped() {
    if (dropped == 0) return;
    if (options.prefix == LinePrefix::priority) pending += priority_prefix(Level::warning);
    append_line(pending, options.format, std::chrono::system_clock::now(), Level::warning, "log.dropped",
                {{"lines", dropped}});
    dropped = 0;
}

void LineLog::State::open_again() {
    if (options.file.empty()) return;
    const int fresh = open_for_appending(options.file);
    if (fresh >= 0) {
        ::close(std::exchange(descriptor, fresh));
        return;
    }
    std::string line;
    append_line(line, options.format, std::chrono::system_clock::now(), Level::error, "log.reopen_failed",
                {{"file", options.file}, {"reason", std::generic_category().message(errno)}});
    write_all(descriptor, line);
}

void LineLog::State::run() {
    std::string batch;
    std::unique_lock lock(mutex);
    for (;;) {
        for_writer.wait(lock, [this] { return !pending.empty() || must_reopen || must_stop; });
        for_writer.wait_for(lock, gathering, [this] { return is_urgent || must_reopen || must_stop; });
        tell_dropped();
        batch.swap(pending);
        const bool reopening = std::exchange(must_reopen, false);
        const bool stopping = must_stop;
        is_urgent = false;
        is_writing = true;
        lock.unlock();
        write_all(descriptor, batch);
        batch.clear();
        if (reopening) open_again();
        lock.lock();
        is_writing = false;
        for_flushers.notify_all();
        if (stopping && pending.empty()) return;
    }
}

Result<std::unique_ptr<LineLog>> LineLog::open(LineLogOptions options) {
    auto state = std::make_unique<State>();
    state->minimum = options.minimum;
    state->options = std::move(options);
    if (!state->options.file.empty()) {
        state->descriptor = open_for_appending(state->options.file);
        if (state->descriptor < 0)
            return failure(ErrorKind::io, fmt::format("cannot open the log {}: {}", state->options.file,
                                                      std::generic_category().message(errno)));
    }
    return std::unique_ptr<LineLog>(new LineLog(std::move(state)));
}

LineLog::LineLog(std::unique_ptr<State> state) : state_(std::move(state)) {
    if (state_->options.start == WriterStart::at_once) start();
}

void LineLog::start() {
    state_->writer = std::thread([state_pointer = state_.get()] { state_pointer->run(); });
}

LineLog::~LineLog() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->must_stop = true;
    }
    if (!state_->writer.joinable()) start();  // what waits is written in any case
    state_->for_writer.notify_one();
    state_->writer.join();
    if (!state_->options.file.empty()) ::close(state_->descriptor);
}

bool LineLog::enabled(Level level) const { return level >= state_->minimum.load(std::memory_order_relaxed); }

void LineLog::set_minimum(Level minimum) { state_->minimum.store(minimum, std::memory_order_relaxed); }

void LineLog::write(Level level, std::string_view event, std::initializer_list<Field> fields) {
    if (!enabled(level)) return;
    std::string line;
    line.reserve(256);
    if (state_->options.prefix == LinePrefix::priority) line += priority_prefix(level);
    append_line(line, state_->options.format, std::chrono::system_clock::now(), level, event, fields);
    bool must_wake = false;
    {
        const std::lock_guard lock(state_->mutex);
        if (level >= Level::warning) state_->remember(level, line);
        if (!state_->has_room_for(level)) {
            ++state_->dropped;
            return;
        }
        // Woken for the first line, and once more when many wait.
        must_wake = state_->pending.empty();
        state_->pending += line;
        if (!state_->is_urgent && state_->pending.size() > urgent_octets) must_wake = state_->is_urgent = true;
    }
    if (must_wake) state_->for_writer.notify_one();
}

std::vector<std::string> LineLog::recent_problems() const {
    const std::lock_guard lock(state_->mutex);
    return {state_->problems.begin(), state_->problems.end()};
}

std::uint64_t LineLog::count_of(Level level) const {
    const std::lock_guard lock(state_->mutex);
    return level == Level::error ? state_->errors : level == Level::warning ? state_->warnings : 0;
}

void LineLog::reopen() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->must_reopen = true;
    }
    state_->for_writer.notify_one();
}

void LineLog::flush() {
    std::unique_lock lock(state_->mutex);
    state_->is_urgent = true;
    state_->for_writer.notify_one();
    state_->for_flushers.wait(
        lock, [this] { return state_->pending.empty() && !state_->is_writing && !state_->must_reopen; });
}

Result<Level> parse_level(std::string_view word) {
    for (const Level level : {Level::debug, Level::info, Level::warning, Level::error})
        if (word == name_of(level)) return level;
    return failure(ErrorKind::invalid,
                   fmt::format("\"{}\" is not a log level: debug, info, warning, error", printable(word, 40)));
}

}  // namespace relevo::telemetry

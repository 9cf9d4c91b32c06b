// The log as lines of JSON or text, written to a file or to standard error by a thread of its own.
#pragma once

#include "adapters/telemetry/line_format.h"
#include "core/ports/log.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <memory>
#include <string>
#include <vector>

namespace relevo::telemetry {

enum class LinePrefix : bool {
    none,
    priority,  // "<3>" to "<7>", as the journal takes it from standard error (sd-daemon(3))
};
enum class WriterStart : bool {
    at_once,
    by_start,  // lines wait until start() is called, so that no thread exists before: privileges are a thread's own
};

struct LineLogOptions {
    std::string file{};  // appended to, made with mode 0640; "" is standard error
    LineFormat format = LineFormat::json;
    Level minimum = Level::info;
    // Most octets that wait for the writer. From half of it on, debug and info lines are dropped; above it, all are.
    Octets queue_limit_octets = 4 * mebibyte;
    LinePrefix prefix = LinePrefix::none;
    WriterStart start = WriterStart::at_once;
};

//     {"time":"2026-03-01T09:30:00.123456Z","level":"info","event":"smtp.accepted","peer":"192.0.2.1:40000"}
// One event is one line whatever its fields hold: control characters, invalid UTF-8 and bidirectional controls come out
// as \xHH, a value longer than 500 octets is cut (security E13). What was dropped is counted and told in a line
// "log.dropped" as soon as there is room again.
// Threads: any; a write costs the formatting and a short lock, never a system call that may block.
class LineLog final : public Log {
 public:
    // Errors: io – the file cannot be opened.
    [[nodiscard]] static Result<std::unique_ptr<LineLog>> open(LineLogOptions options);
    // Writes what waits, then ends.
    ~LineLog() override;

    // For WriterStart::by_start: the thread begins to write. Once.
    void start();
    [[nodiscard]] bool enabled(Level level) const override;
    void write(Level level, std::string_view event, std::initializer_list<Field> fields) override;

    void set_minimum(Level minimum);
    // The writer opens the file again by its name (after rotation). If that fails it goes on with the old one and says
    // so.
    void reopen();
    // The last warnings and errors as they were written, without line ends; at most 200, the oldest first.
    [[nodiscard]] std::vector<std::string> recent_problems() const;
    // How many lines of `level`, warning or error, there were so far; those that were dropped count too.
    [[nodiscard]] std::uint64_t count_of(Level level) const;
    // Returns when everything written before is in the file.
    void flush();

 private:
    struct State;
    explicit LineLog(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// "debug", "info", "warning", "error". Errors: invalid.
[[nodiscard]] Result<Level> parse_level(std::string_view word);

}  // namespace relevo::telemetry

// A program of the operator, run to its end.
#pragma once

#include "core/ports/file_descriptor.h"
#include "lib/base/result.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace relevo {

struct CommandRequest {
    std::vector<std::string> words;  // the program's path, absolute, then its arguments; no shell reads them
    std::vector<std::pair<std::string, std::string>> environment{};  // beside PATH
    std::chrono::milliseconds time_limit{60'000};
};

// Threads: run() one at a time, cancel() any.
class CommandRunner {
 public:
    static constexpr std::size_t output_limit_octets = 2000;

    CommandRunner();
    // Blocks. Errors: timeout – it was killed; refused – it ended with another status than 0: text has the end of what
    // it wrote; cancelled; io – it could not be started.
    [[nodiscard]] Result<void> run(const CommandRequest& request);
    // Kills what runs, and lets nothing begin any more.
    void cancel();

 private:
    FileDescriptor cancelled_;  // an eventfd; readable for ever once cancelled
};

}  // namespace relevo

// `relevo send-test`: one mail over SMTP as a client sends it, with the conversation shown.
#pragma once

#include "app/cli/commands.h"
#include "core/ports/task.h"

#include <string>

namespace relevo {

struct TestMailResult {
    bool accepted = false;
    std::string reply;  // the deciding reply, or why there was none
    std::string transcript;
    std::string tls;
};

// Blocks until it is done.
[[nodiscard]] TestMailResult send_test_mail(const cli::SendTestOptions& options);

}  // namespace relevo

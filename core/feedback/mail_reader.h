// Reads mail that came back, on a thread of its own: a large one takes tens of milliseconds, which a shard has not got.
#pragma once

#include "core/feedback/return_paths.h"
#include "core/ports/task.h"
#include "lib/base/octets.h"
#include "lib/bounces/bounce_mail.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relevo {

struct ReadFeedback {
    bounces::BounceMail mail;
    // Texts in it that have the form of our tokens or message ids: for mail that did not come to a return path. At most
    // 20 of each.
    std::vector<std::string> tokens;
    std::vector<MessageId> messages;
};

struct MailReaderLimits {
    std::size_t waiting = 200;
    Octets waiting_octets = 64 * mebibyte;
};

// Threads: any. Destroying it waits for the mail that is being read; those that wait get `cancelled`.
class MailReader {
 public:
    using Patterns = std::function<std::shared_ptr<const bounces::PatternTable>()>;
    explicit MailReader(Patterns patterns, MailReaderLimits limits = {});
    ~MailReader();
    MailReader(const MailReader&) = delete;
    MailReader& operator=(const MailReader&) = delete;

    // Errors: full – too much waits; limit – the mail passes a bound; cancelled.
    Task<Result<ReadFeedback>> read(std::shared_ptr<const std::string> content);

 private:
    class State;
    std::unique_ptr<State> state_;
};

// The subject without white space, which a mail program may have folded into it: a token, if it is one.
[[nodiscard]] std::string subject_token(std::string_view content);

// The same as MailReader::read() at once.
[[nodiscard]] Result<ReadFeedback> read_feedback(std::string_view content, const bounces::PatternTable& patterns);

}  // namespace relevo

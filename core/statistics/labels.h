// What a message is called: by its subject, and by the tags that its sender gave it.
#pragma once

#include "core/events/history.h"
#include "lib/base/identifier.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relevo {

struct MailLabels {
    std::string subject;
    std::vector<std::string> tags;
    [[nodiscard]] bool is_empty() const { return subject.empty() && tags.empty(); }
};

// The labels of messages, by the day of their acceptance: later events are counted by the same tags. Threads: write()
// on the writer's.
class LabelWriter {
 public:
    // A message that is there already keeps what it has.
    Result<void> write(Transaction& transaction, MessageId message, const MailLabels& labels);

 private:
    DayTables tables_{"labels",
                      "CREATE TABLE labels_{0} (message_id INTEGER PRIMARY KEY, subject TEXT NOT NULL,"
                      " tags TEXT NOT NULL);"};  // tags: one a line
    DayStatement insert_{
        "INSERT INTO labels_{} (message_id, subject, tags) VALUES ($1, $2, $3) ON CONFLICT (message_id) DO NOTHING"};
};

// Threads: one.
class LabelReader {
 public:
    // Call first in each snapshot.
    Result<void> refresh(Reader& reader);
    // Empty ones if it has none.
    Result<MailLabels> of(Reader& reader, MessageId message);

 private:
    std::set<std::int64_t> days_;
    DayStatement select_{"SELECT subject, tags FROM labels_{} WHERE message_id = $1"};
};

}  // namespace relevo

// A row for each recipient of each message, so that mail is found by whom it was for, who sent it and how it ended.
#pragma once

#include "core/events/history.h"
#include "core/ports/task.h"
#include "core/statistics/labels.h"
#include "lib/base/identifier.h"
#include "lib/mailsearch/query.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

// What the recipients of a message have in common.
struct FoundMail {
    MessageId message;
    TenantId tenant;
    std::string sender;  // in lower case
    MailLabels labels;   // by which new rows are found
};

// What an event says of a recipient, or of all of a message.
struct RecipientChange {
    std::shared_ptr<const FoundMail> mail;
    std::optional<std::uint32_t> ordinal;  // nothing: all of the message that have not ended
    std::string recipient;                 // in lower case; empty: only if its row is there already
    std::optional<mailsearch::State> state;
    std::uint8_t marks = 0;    // bits of mailsearch::Mark, added
    std::string reason;        // a class of bounces; empty: none
    std::int64_t at = 0;       // milliseconds since 1970
    bool only_if_new = false;  // the row as it is when the message arrives
    bool arrives = false;      // its message was accepted just now: most likely there is no row yet
    std::int64_t send_at = 0;  // of a message that arrives scheduled, milliseconds since 1970
};

struct FoundRecipient {
    DeliveryId id;
    TenantId tenant;
    std::string recipient;
    std::string sender;
    mailsearch::State state = mailsearch::State::waiting;
    std::uint8_t marks = 0;
    std::string reason;
    WallClock::time_point changed_at;
    std::optional<WallClock::time_point> send_at;  // scheduled: until then
    MailLabels labels;
};

struct RecipientPage {
    std::vector<FoundRecipient> rows;  // the newest message first
    std::int64_t next = 0;             // key to go on from; 0: there is no more
};

// Its database is one of its own: see core/statistics/README.md. Threads: that of its writer.
class RecipientWriter {
 public:
    Result<void> write(Transaction& transaction, const RecipientChange& change);
    // Recipients that are scheduled until `now` at most wait from now on. Reads a row unless some are.
    Result<void> begin_due(Transaction& transaction, WallClock::time_point now);

 private:
    Result<void> change_message(Transaction& transaction, std::int64_t day, const RecipientChange& change);
    Result<void> change_recipient(Transaction& transaction, std::int64_t day, const RecipientChange& change);
    // Whether there was a row to change, or none to add.
    Result<bool> update(Transaction& transaction, std::int64_t day, const RecipientChange& change);
    Result<bool> insert(Transaction& transaction, std::int64_t day, const RecipientChange& change);
    DayTables tables_{
        "recipient",
        "CREATE TABLE recipient_{0} (id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, tenant_id INTEGER NOT NULL,"
        " recipient TEXT NOT NULL, sender TEXT NOT NULL, state INTEGER NOT NULL, marks INTEGER NOT NULL,"
        " reason TEXT NOT NULL, changed_at INTEGER NOT NULL);"
        // Of the few rows that are looked for by how they stand: not those delivered (3), nor those merely opened.
        "CREATE INDEX recipient_{0}_state ON recipient_{0} (state, id) WHERE state <> 3;"
        "CREATE INDEX recipient_{0}_tenant ON recipient_{0} (tenant_id, state, id) WHERE state <> 3;"
        "CREATE INDEX recipient_{0}_marks ON recipient_{0} (id) WHERE marks >= 4;"};
    // Sorted runs that are merged now and then: far cheaper to write than an index for each column.
    DayTables words_{"words",
                     "CREATE VIRTUAL TABLE words_{0} USING fts5(words, content='', columnsize=0, detail=none,"
                     " tokenize='unicode61 remove_diacritics 2');"};
    DayStatement insert_{
        "INSERT INTO recipient_{} (id, message_id, tenant_id, recipient, sender, state, marks, reason, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING"};
    DayStatement insert_words_{"INSERT INTO words_{} (rowid, words) VALUES ($1, $2)"};
    DayStatement update_{
        "UPDATE recipient_{} SET state = $1, marks = marks | $2, reason = $3, changed_at = $4 WHERE id = $5"};
    DayStatement mark_{"UPDATE recipient_{} SET marks = marks | $1, changed_at = $2 WHERE id = $3"};
    DayStatement change_message_{
        "UPDATE recipient_{} SET state = $1, changed_at = $2 WHERE id >= $3 AND id <= $4 AND message_id = $5"
        " AND state IN (1, 2, 7, 9)"};
    DayStatement begin_{
        "UPDATE recipient_{} SET state = 1, changed_at = $1 WHERE id >= $2 AND id <= $3 AND message_id = $4"
        " AND state = 9"};
    DayStatement mark_message_{
        "UPDATE recipient_{} SET marks = marks | $1, changed_at = $2 WHERE id >= $3 AND id <= $4 AND message_id = $5"};
};

// Threads: the reader's.
class RecipientSearch {
 public:
    // Rows that one page looks at; a page that comes to it says where to go on, with as many rows as there were.
    static constexpr std::size_t looked_at_limit = 20'000;
    // `before`: `next` of the page before, or 0. Errors: invalid – query.id is no id.
    Result<RecipientPage> find(Reader& reader, const mailsearch::MailQuery& query, std::optional<TenantId> tenant,
                               std::int64_t before, std::size_t limit);

 private:
    // How rows of a day are found, newest first.
    enum class Index : std::uint8_t { words, state, tenant_state, marks, all };
    struct Search;
    LabelReader labels_;
    Result<void> find_in_day(Reader& reader, std::int64_t day, Search& search);
    static Result<void> add_schedule(Reader& reader, RecipientPage& page);
    Result<std::size_t> read_step(Reader& reader, std::int64_t day, const Search& search, std::int64_t below,
                                  std::size_t count, const RowCallback& row);
    DayStatement by_words_{
        "SELECT recipient_{0}.id, message_id, tenant_id, recipient, sender, state, marks, reason, changed_at"
        " FROM words_{0} CROSS JOIN recipient_{0} ON recipient_{0}.id = words_{0}.rowid WHERE words_{0} MATCH $1"
        " AND words_{0}.rowid >= $2 AND words_{0}.rowid < $3 ORDER BY words_{0}.rowid DESC LIMIT $4"};
    DayStatement by_state_{
        "SELECT id, message_id, tenant_id, recipient, sender, state, marks, reason, changed_at FROM recipient_{}"
        " WHERE state = $1 AND state <> 3 AND id >= $2 AND id < $3 ORDER BY id DESC LIMIT $4"};
    DayStatement by_tenant_{
        "SELECT id, message_id, tenant_id, recipient, sender, state, marks, reason, changed_at FROM recipient_{}"
        " WHERE tenant_id = $1 AND state = $2 AND state <> 3 AND id >= $3 AND id < $4 ORDER BY id DESC LIMIT $5"};
    DayStatement by_marks_{
        "SELECT id, message_id, tenant_id, recipient, sender, state, marks, reason, changed_at FROM recipient_{}"
        " WHERE marks >= 4 AND id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3"};
    DayStatement in_order_{
        "SELECT id, message_id, tenant_id, recipient, sender, state, marks, reason, changed_at FROM recipient_{}"
        " WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3"};
};

}  // namespace relevo

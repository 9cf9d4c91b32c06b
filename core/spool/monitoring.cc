// What monitoring asks of the queue's rows.
#include "core/spool/spool.h"

namespace relevo {

Result<void> record_backup(Transaction& transaction, WallClock::time_point moment) {
    RELEVO_CHECK(
        transaction.execute("INSERT INTO last_backup (id, moment) VALUES (1, $1) ON CONFLICT (id) DO UPDATE"
                            " SET moment = excluded.moment WHERE moment < excluded.moment",
                            {milliseconds_of(moment)}));
    return {};
}

Task<Result<Spool::Numbers>> Spool::numbers() {
    Numbers numbers;
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        // Rows lie in the order of messages: the first that waits is found without looking at the others.
        RELEVO_CHECK(reader.query("SELECT message_id FROM delivery WHERE state = 0 ORDER BY id LIMIT 1", {},
                                  [&](const Row& row) -> Result<void> {
                                      numbers.oldest_waiting = time_of(MessageId{row.integer(0)});
                                      return {};
                                  }));
        RELEVO_CHECK(reader.query("SELECT site FROM suspension", {}, [&](const Row&) -> Result<void> {
            ++numbers.suspensions;
            return {};
        }));
        return reader.query("SELECT moment FROM last_backup WHERE id = 1", {}, [&](const Row& row) -> Result<void> {
            numbers.last_backup = time_of_milliseconds(row.integer(0));
            return {};
        });
    }));
    co_return numbers;
}

}  // namespace relevo

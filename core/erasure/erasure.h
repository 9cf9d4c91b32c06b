// Erases what the store remembers of a person's address (GDPR Art. 17): docs/decisions/0024-a-person-is-taken-out.md.
#pragma once

#include "core/accounts/audit_log.h"
#include "core/erasure/person_text.h"
#include "core/events/history.h"
#include "core/ports/committer.h"
#include "core/statistics/labels.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace relevo {

struct ErasureRequest {
    std::optional<TenantId> tenant;  // nothing: of all
    std::string address;             // in any spelling
};

// What there is of a person, or was until now.
struct ErasureCounts {
    std::int64_t sent = 0;        // messages from the address
    std::int64_t received = 0;    // recipients of messages that were it
    std::int64_t waiting = 0;     // recipients of mail to or from it that still wait: all about them stays
    std::int64_t events = 0;      // of the history, and of changes that people made
    std::int64_t searches = 0;    // rows of the search
    std::int64_t lists = 0;       // soft bounces, failed logins, links, answers, bodies of webhooks
    std::int64_t suppressed = 0;  // entries of suppression lists: they stay, without what was said
    std::int64_t accounts = 0;  // logins, users and permitted senders with that name: they stay, a person removes them
    [[nodiscard]] std::int64_t erasable() const { return sent + received + events + searches + lists; }
};

// Lives as long as the store: its statements are kept by address. Threads: any shard's; what it reads and writes, on
// the readers' and writers' threads of the two databases. One erasure at a time.
class Erasure {
 public:
    // `statistics`: of the database of its own.
    Erasure(Committer& mail, Committer& statistics) : mail_(mail), statistics_(statistics) {}

    // Changes nothing. Errors: invalid – no address. limit – over mail_limit messages.
    Task<Result<ErasureCounts>> count(ErasureRequest request);
    // Durable when it returns, with its entry in the audit log. After a crash it is taken up by resume(), or by the
    // next call for the same address. Errors: as count(); conflict – another one is under way; those of the store.
    Task<Result<ErasureCounts>> erase(ErasureRequest request, AuditEntry entry, AuditWriter& audit);
    // How far the erasure is that is under way: days of tables that were read, of all. Whom it is about, it does not
    // say.
    struct Progress {
        std::optional<TenantId> tenant;  // nothing: of all
        std::int64_t done = 0, all = 0;
    };
    // Nothing: none is. Threads: any.
    [[nodiscard]] std::optional<Progress> under_way() const;
    // What a crash left, one after the other. Returns how many there were.
    Task<Result<int>> resume(AuditWriter& audit);

    static constexpr std::size_t mail_limit = 1'000'000;

 private:
    enum class Mode : std::uint8_t { count, erase };
    using Place = std::pair<std::int64_t, std::int64_t>;  // message and ordinal; -1: the person sent it
    struct Run {
        PersonText person;
        std::int64_t tenant = 0;  // 0: of all
        Mode mode = Mode::count;
        std::int64_t id = 0;  // of the row
        std::set<Place> mail;
        std::set<Place> waiting;                  // recipients
        std::vector<std::int64_t> waiting_mails;  // messages that some wait of, ascending
        ErasureCounts counts;
    };
    struct Change {
        std::int64_t id = 0;
        std::string text, other;
    };

    Task<Result<void>> begin_progress(const Run& run);
    void day_done(const Run& run);
    [[nodiscard]] static bool waits(const Run& run, std::int64_t message);
    Task<Result<void>> run(Run& run);
    Task<Result<void>> finish(const Run& run, AuditEntry entry, AuditWriter& audit);
    Task<Result<void>> write(Committer& committer, std::function<Result<void>(Transaction&)> work);
    Task<Result<std::vector<std::int64_t>>> days_of(Committer& committer, std::string_view kind);

    // history_steps.cc: tables of days
    Task<Result<void>> find_waiting(Run& run);
    Task<Result<void>> find_sent(Run& run);
    Task<Result<void>> find_received(Run& run);
    Task<Result<void>> keep_places(const Run& run);
    // The first and the last; the first is greater: there are none.
    Task<Result<std::pair<std::int64_t, std::int64_t>>> event_ids_of(std::int64_t day);
    Task<Result<void>> erase_events(Run& run);
    Task<Result<void>> erase_subjects(Run& run);
    Task<Result<void>> erase_senders(Run& run);
    Task<Result<void>> erase_audit(Run& run);
    // list_steps.cc: all other tables
    Task<Result<void>> erase_lists(Run& run);
    Task<Result<void>> erase_links(Run& run);
    Task<Result<void>> erase_webhooks(Run& run);
    Task<Result<void>> erase_answers(Run& run);
    // search_steps.cc: statistics.db
    Task<Result<void>> find_searched(Run& run);
    Task<Result<void>> erase_searches(Run& run);
    Result<void> erase_search(Transaction& transaction, const Run& run, std::int64_t message);

    Committer& mail_;
    Committer& statistics_;
    std::atomic<bool> is_busy_ = false;
    std::atomic<std::int64_t> tenant_under_way_ = 0, days_done_ = 0, days_in_all_ = 0;
    // The readers' threads:
    DayStatement event_bounds_{"SELECT min(id), max(id) FROM event_{}"};
    DayStatement received_{
        "SELECT message_id, ordinal, detail FROM event_{} WHERE id > $1 AND id <= $2 AND ordinal >= 0"
        " AND detail LIKE $3 ESCAPE '\\' AND ($4 = 0 OR tenant_id = $4)"};
    DayStatement sent_{"SELECT id, sender, tenant_id FROM message_{} WHERE id > $1 ORDER BY id LIMIT $2"};
    DayStatement events_{
        "SELECT id, message_id, ordinal, detail FROM event_{} WHERE id > $1 AND id <= $2"
        " AND ($3 = 0 OR tenant_id = $3)"};
    DayStatement audit_{
        "SELECT id, object_id, detail FROM audit_{} WHERE id > $1 AND (object_id LIKE $2 ESCAPE '\\' OR"
        " detail LIKE $2 ESCAPE '\\') AND ($3 = 0 OR tenant_id = $3) ORDER BY id LIMIT $4"};
    DayStatement searched_{
        "SELECT id, message_id, tenant_id, recipient, sender FROM recipient_{} WHERE id > $1 ORDER BY id LIMIT $2"};
    // The writers' threads:
    DayStatement update_event_{"UPDATE event_{} SET detail = $1 WHERE id = $2"};
    DayStatement delete_subject_{
        "DELETE FROM event_subject_{0} WHERE subject = $1 AND ($2 = 0 OR id IN (SELECT id FROM event_{0} WHERE "
        "tenant_id ="
        " $2))"};
    DayStatement update_sender_{"UPDATE message_{} SET sender = $1, envelope_id = '' WHERE id = $2"};
    DayStatement update_audit_{"UPDATE audit_{} SET object_id = $1, detail = $2 WHERE id = $3"};
    DayStatement searches_of_{
        "SELECT id, tenant_id, recipient, sender FROM recipient_{} WHERE id >= $1 AND id <= $2 AND message_id = $3"};
    DayStatement labels_of_{"SELECT subject, tags FROM labels_{} WHERE message_id = $1"};
    DayStatement delete_search_{"DELETE FROM recipient_{} WHERE id = $1"};
    DayStatement update_search_{"UPDATE recipient_{} SET sender = $1 WHERE id = $2"};
    DayStatement delete_words_{"INSERT INTO words_{0} (words_{0}, rowid, words) VALUES ('delete', $1, $2)"};
    DayStatement insert_words_{"INSERT INTO words_{} (rowid, words) VALUES ($1, $2)"};
    DayStatement delete_labels_{"DELETE FROM labels_{} WHERE message_id = $1"};
};

}  // namespace relevo

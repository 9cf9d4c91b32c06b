// What those that read the event log need to know of a message: who sent it and whom it still goes to.
#pragma once

#include "core/events/history.h"
#include "lib/base/identifier.h"
#include "lib/mail/message_stream.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace relevo {

// The stream, within the options of a message's row.
inline constexpr std::int64_t bulk_option = 64;
[[nodiscard]] inline mail::MessageStream stream_of_options(std::int64_t options) {
    return (options & bulk_option) != 0 ? mail::MessageStream::bulk : mail::MessageStream::transactional;
}

struct MessageFacts {
    TenantId tenant;
    CredentialId credential;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string sender;  // empty: the null reverse-path
    std::uint32_t recipients = 0;
};

// Threads: one. A new one for each snapshot is not needed: refresh() begins with it.
class MessageFactsReader {
 public:
    // Call first in each snapshot.
    Result<void> refresh(Reader& reader);
    // For a caller that will ask for most messages from `first` to `last`: reads them in one pass, which costs a
    // fraction of a search for each, but `limit` at most.
    Result<void> read_ahead(Reader& reader, MessageId first, MessageId last, std::size_t limit);
    // Nothing: its day was dropped.
    Result<std::optional<MessageFacts>> of(Reader& reader, MessageId message);
    struct Waiting {
        std::uint32_t ordinal = 0;
        std::string recipient;
    };
    // The recipients whose delivery has not ended; at most as many as a message may have.
    Result<std::vector<Waiting>> waiting(Reader& reader, MessageId message);

 private:
    std::set<std::int64_t> days_;
    std::unordered_map<std::int64_t, MessageFacts> ahead_;
    DayStatement range_{
        "SELECT tenant_id, credential_id, sender, options, recipients, id FROM message_{} WHERE id >= $1 AND id <= $2"
        " ORDER BY id LIMIT $3"};
    DayStatement select_{"SELECT tenant_id, credential_id, sender, options, recipients FROM message_{} WHERE id = $1"};
};

}  // namespace relevo

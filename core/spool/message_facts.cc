#include "core/spool/message_facts.h"

#include "core/spool/message.h"

namespace relevo {
namespace {

constexpr std::int64_t last_ordinal = 65'535;  // MessageIdSource's bound

MessageFacts facts_of(const Row& row) {
    return {.tenant = TenantId{row.integer(0)},
            .credential = CredentialId{row.integer(1)},
            .stream = stream_of_options(row.integer(3)),
            .sender = std::string(row.text(2)),
            .recipients = static_cast<std::uint32_t>(row.integer(4))};
}

}  // namespace

Result<void> MessageFactsReader::refresh(Reader& reader) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "message", 0));
    days_ = {days.begin(), days.end()};
    ahead_.clear();
    return {};
}

Result<void> MessageFactsReader::read_ahead(Reader& reader, MessageId first, MessageId last, std::size_t limit) {
    const auto end = days_.upper_bound(day_of(time_of(last)));
    for (auto day = days_.lower_bound(day_of(time_of(first))); day != end && ahead_.size() < limit; ++day)
        RELEVO_CHECK(reader.query(range_.of(*day),
                                  {first.value, last.value, static_cast<std::int64_t>(limit - ahead_.size())},
                                  [&](const Row& row) -> Result<void> {
                                      ahead_.emplace(row.integer(5), facts_of(row));
                                      return {};
                                  }));
    return {};
}

Result<std::optional<MessageFacts>> MessageFactsReader::of(Reader& reader, MessageId message) {
    if (const auto known = ahead_.find(message.value); known != ahead_.end()) return known->second;
    std::optional<MessageFacts> facts;
    const std::int64_t day = day_of(time_of(message));
    if (!days_.contains(day)) return facts;
    RELEVO_CHECK(reader.query(select_.of(day), {message.value}, [&](const Row& row) -> Result<void> {
        facts = facts_of(row);
        return {};
    }));
    return facts;
}

Result<std::vector<MessageFactsReader::Waiting>> MessageFactsReader::waiting(Reader& reader, MessageId message) {
    std::vector<Waiting> found;
    RELEVO_CHECK(
        reader.query("SELECT id, recipient FROM delivery WHERE id >= $1 AND id <= $2 AND message_id = $3 ORDER BY id",
                     {message.value, message.value + last_ordinal, message.value}, [&](const Row& row) -> Result<void> {
                         found.push_back({.ordinal = static_cast<std::uint32_t>(row.integer(0) - message.value),
                                          .recipient = std::string(row.text(1))});
                         return {};
                     }));
    return found;
}

}  // namespace relevo

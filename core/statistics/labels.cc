#include "core/statistics/labels.h"

#include "core/spool/message.h"
#include "lib/base/text.h"

#include <fmt/ranges.h>

namespace relevo {

Result<void> LabelWriter::write(Transaction& transaction, MessageId message, const MailLabels& labels) {
    const std::int64_t day = day_of(time_of(message));
    const std::string tags = fmt::format("{}", fmt::join(labels.tags, "\n"));
    return tables_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(insert_.of(day),
                                         {message.value, std::string_view(labels.subject), std::string_view(tags)}));
        return {};
    });
}

Result<void> LabelReader::refresh(Reader& reader) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "labels", 0));
    days_ = {days.begin(), days.end()};
    return {};
}

Result<MailLabels> LabelReader::of(Reader& reader, MessageId message) {
    MailLabels labels;
    const std::int64_t day = day_of(time_of(message));
    if (!days_.contains(day)) return labels;
    RELEVO_CHECK(reader.query(select_.of(day), {message.value}, [&](const Row& row) -> Result<void> {
        labels.subject = row.text(0);
        if (!row.text(1).empty())
            for (const std::string_view tag : split(row.text(1), '\n')) labels.tags.emplace_back(tag);
        return {};
    }));
    return labels;
}

}  // namespace relevo

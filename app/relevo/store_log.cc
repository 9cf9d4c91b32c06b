// What a start does about a log of the database that is damaged or missing (decision 0009).
#include "adapters/segments/record.h"
#include "app/backup/log_guard.h"
#include "app/relevo/store.h"
#include "core/events/history.h"
#include "core/spool/message.h"
#include "lib/base/text.h"

#include <algorithm>
#include <fstream>

namespace relevo {
namespace {

constexpr std::string_view segment_prefix = "segment-";
constexpr std::size_t listed_messages = 100'000;
constexpr std::size_t logged_messages = 20;
constexpr const char* list_name = "messages-without-rows";

// The ids of all records of a segment, in order.
Result<std::vector<MessageId>> messages_in(Disk& disk, const std::string& name, std::uint32_t number) {
    std::vector<MessageId> messages;
    RELEVO_TRY(const auto file, disk.open(name, OpenMode::existing));
    std::string octets(segments::header_length, '\0');
    for (Octets offset = 0;;) {
        RELEVO_TRY(const std::size_t count, file->read_at(offset, std::as_writable_bytes(std::span(octets))));
        if (count < octets.size()) return messages;
        const auto header = segments::parse_header(octets, number, offset);
        if (!header.has_value()) return messages;
        messages.push_back(header->id);
        offset += segments::record_length(header->length);
    }
}

}  // namespace

// What it lost, it lost; the rest is served. Contents whose rows are gone with it would be removed as nobody's.
Result<void> Store::keep_damaged_log(const std::vector<std::string>& lost, Log& log) {
    RELEVO_TRY(damaged_log_folder_, backup::keep_damaged_log(data_dir_));
    for (const std::string& problem : lost)
        log.error("store.log_damaged", {{"problem", problem}, {"kept_in", damaged_log_folder_}});
    return {};
}

Result<void> Store::name_mail_without_rows(Log& log) {
    std::vector<MessageId> lost;
    RELEVO_TRY(const std::vector<std::string> names, disk_->list());
    RELEVO_CHECK(read([&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "message", 0));
        for (const std::string& name : names) {
            if (!name.starts_with(segment_prefix)) continue;
            const auto number = parse_decimal<std::uint32_t>(std::string_view(name).substr(segment_prefix.size()));
            if (!number) continue;
            RELEVO_TRY(const std::vector<MessageId> messages, messages_in(*disk_, name, *number));
            for (const MessageId message : messages) {
                const std::int64_t day = day_of(time_of(message));
                const bool has_table = std::ranges::binary_search(days, day);
                if (!has_table && !days.empty() && day < days.back()) continue;  // of history that was dropped
                bool is_known = false;
                if (has_table)
                    RELEVO_CHECK(reader.query(known_message_.of(day), {message.value}, [&](const Row&) -> Result<void> {
                        is_known = true;
                        return {};
                    }));
                if (!is_known && lost.size() < listed_messages) lost.push_back(message);
            }
        }
        return {};
    }));
    if (lost.empty()) return {};
    std::ofstream list(damaged_log_folder_ + "/" + list_name);
    std::string first;
    for (std::size_t i = 0; i < lost.size(); ++i) {
        list << lost[i].text() << "\n";
        if (i < logged_messages) first += (i == 0 ? "" : " ") + lost[i].text();
    }
    log.error("store.mail_without_rows",
              {{"messages", lost.size()},
               {"first", first},
               {"kept_in", damaged_log_folder_},
               {"problem", "their contents are there, but not whom they were for: their rows were lost with the log"}});
    return {};
}

}  // namespace relevo

// What the requests about the queue and messages share. Internal.
#pragma once

#include "core/events/event.h"
#include "core/queue/entry.h"
#include "core/spool/spool.h"
#include "lib/mail/report.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo {

inline constexpr std::size_t default_page = 100;
inline constexpr std::size_t longest_page = 10'000;

// "msg_…/3".
[[nodiscard]] std::string delivery_text(const DeliveryId& id);
// "msg_…" or "msg_…/3". Errors: invalid.
[[nodiscard]] Result<std::pair<MessageId, std::optional<std::uint32_t>>> message_or_delivery(const std::string& text);
[[nodiscard]] std::string_view domain_of(std::string_view address);
[[nodiscard]] inline MailFlow flow_of(const DeliveryRow& row) {
    return {row.tenant, row.stream, row.pool, row.tls_optional};
}
// What the last answer about a recipient means and what to do; null before the first. `events`: in the order of time.
[[nodiscard]] boost::json::value last_meaning(const std::vector<Event>& events, DeliveryId id, mail::Language language);
// It was accepted beyond a quota, and waits until there is room.
[[nodiscard]] bool is_for_quota(const DeliveryRow& row);
// Its message asked to be sent later, and that time has not come.
[[nodiscard]] bool is_scheduled(const DeliveryRow& row);
// A recipient that waits for nothing, in the list of those that `queue why` explains.
[[nodiscard]] boost::json::object answer_of_suppressed(MessageId message, const Event& event);

}  // namespace relevo

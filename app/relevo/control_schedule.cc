// Messages that are to be sent later.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/queue_words.h"

#include <fmt/format.h>

namespace relevo {

// Takes back what has not gone yet: its recipients end as if a person had dropped them.
Task<Control::Answer> Control::cancel_message(Arguments arguments, Principal principal) {
    RELEVO_CO_CHECK(check_members(arguments, {"id"}));
    RELEVO_CO_TRY(const std::string id, required_text(arguments, "id"));
    RELEVO_CO_TRY(const MessageId message, MessageId::parse(id));
    RELEVO_CO_TRY(std::vector<DeliveryRow> rows,
                  co_await select({{"id", id}, {"state", "scheduled"}}, 0, longest_page));
    if (rows.empty()) {
        RELEVO_CO_CHECK(co_await context_.store.spool().show(message));  // not_found, if there is none
        co_return failure(ErrorKind::conflict,
                          "nothing of this message waits for its time: it was sent, or taken back");
    }
    const std::string reason = fmt::format("taken back by {}", principal.name);
    RELEVO_CO_TRY(rows, co_await context_.store.spool().change(std::move(rows), Spool::Change::drop, reason));
    tell_engines(rows, Spool::Change::drop);
    co_return boost::json::object{{"id", message.text()}, {"cancelled", rows.size()}};
}

}  // namespace relevo

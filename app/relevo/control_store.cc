// The store's files, kept as they are for whoever copies or examines them.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"

#include <boost/json/array.hpp>

namespace relevo {

namespace json = boost::json;

Task<Control::Answer> Control::hold_store(std::string command, Arguments arguments) {
    // Without a server the store is closed again before anybody could read it.
    if (context_.dispatcher == nullptr) co_return failure(ErrorKind::closed, "this needs a running server");
    if (command == "store.hold") {
        RELEVO_CO_CHECK(check_members(arguments, {}));
        RELEVO_CO_TRY(const Store::Hold hold, co_await context_.store.hold());
        json::array files;
        for (const backup::HeldFile& file : hold.files)
            files.emplace_back(json::object{{"name", file.name}, {"size", file.size}});
        co_return json::object{{"hold", hold.id},
                               {"lease_seconds", Store::hold_lease.count()},
                               {"data_dir", context_.store.data_dir()},
                               {"files", std::move(files)}};
    }
    if (command == "store.backed_up") {
        RELEVO_CO_CHECK(check_members(arguments, {"moment"}));
        RELEVO_CO_TRY(const std::optional<WallClock::time_point> moment, time_member(arguments, "moment"));
        if (!moment || *moment == WallClock::time_point{} || *moment > WallClock::now())
            co_return failure(ErrorKind::invalid, "\"moment\" is a time that has been: when the backup was of");
        CommitRequest request;
        request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) {
            return record_backup(transaction, *moment);
        };
        RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
        co_return json::object{};
    }
    RELEVO_CO_CHECK(check_members(arguments, {"hold", "held"}));
    RELEVO_CO_TRY(const std::string id, required_text(arguments, "hold"));
    if (command == "store.let_go") {
        context_.store.end_hold(id);
        co_return json::object{};
    }
    RELEVO_CO_TRY(const std::string held, required_text(arguments, "held"));
    if (held != "all" && held != "contents") co_return failure(ErrorKind::invalid, "\"held\" is all or contents");
    RELEVO_CO_CHECK(context_.store.renew_hold(
        id, held == "all" ? GroupCommitter::HeldFiles::all : GroupCommitter::HeldFiles::contents));
    co_return json::object{{"lease_seconds", Store::hold_lease.count()}};
}

}  // namespace relevo

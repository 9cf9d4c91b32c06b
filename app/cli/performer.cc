#include "app/cli/performer.h"

#include "app/cli/control_client.h"
#include "app/cli/json_view.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

constexpr std::chrono::seconds answer_timeout{30};
constexpr std::chrono::minutes whole_history_timeout{30};  // it is read from end to end, in small steps

std::chrono::milliseconds timeout_of(std::string_view request) {
    return request == "person.erase" ? whole_history_timeout : std::chrono::milliseconds(answer_timeout);
}

Performed performed(boost::json::object answer) {
    Performed result;
    const boost::json::value whole(std::move(answer));
    if (text(whole, "ok") == "yes") {
        result.result = member(whole, "result");
        return result;
    }
    result.code = ExitCode::problem;
    result.error = member(whole, "error");
    result.problem = text(result.error, "message", "the request failed without a reason");
    if (const std::string hint = text(result.error, "hint", ""); !hint.empty()) result.problem += ": " + hint;
    return result;
}

}  // namespace

Performed RequestPerformer::perform(const CommandSpec& command, const boost::json::object& arguments) {
    const boost::json::object request{{"command", std::string(command.request)}, {"arguments", arguments}};
    auto answer = ask_server(configuration_.control_socket(), request, timeout_of(command.request));
    if (answer) return performed(*std::move(answer));
    const Error& error = answer.error();
    if (error.kind == ErrorKind::closed && command.performer == Performer::server_or_store)
        return performed(commands_.handle_offline(configuration_, request));
    Performed result;
    result.code = ExitCode::unreachable;
    switch (error.kind) {
        case ErrorKind::closed:
            result.problem = fmt::format(
                "no server runs ({}): start it with `systemctl start relevo` or `relevo serve`", error.detail);
            break;
        case ErrorKind::refused:
            result.problem =
                fmt::format("not allowed ({}): run this as root or as the user of the server", error.detail);
            break;
        default: result.problem = error.detail;
    }
    result.error = boost::json::object{{"kind", std::string(name_of(error.kind))}, {"message", error.detail}};
    return result;
}

}  // namespace relevo::cli

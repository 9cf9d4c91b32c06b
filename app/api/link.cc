#include "app/api/link.h"

#include "core/accounts/account_book.h"
#include "core/accounts/users.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

namespace relevo::api {
namespace {

namespace json = boost::json;
using relevo::json::member;
using relevo::json::text_of;

using Answer = std::expected<HttpResponse, Trouble>;
using Refused = std::unexpected<Trouble>;

constexpr std::chrono::minutes pause_after_too_many{10};

// Goes on after the answer; what becomes of it stands in the log and in the audit log.
Task<> send_link(Ports& ports, json::object request, Principal principal) {
    const json::object answer = co_await ports.control(std::move(request), principal);
    if (const auto* error = answer.if_contains("error"); error != nullptr)
        ports.log.error("accounts.link_not_sent", {{"problem", text_of(member(*error, "message"))}});
}

}  // namespace

Trouble link_not_valid() {
    return trouble(403, "link_not_valid", "This link was used, is too old, or is not from here: ask for another one.");
}

OneTimePurpose purpose_of(const Call& call) {
    return call.text("purpose") == "invitation" ? OneTimePurpose::invitation : OneTimePurpose::password_reset;
}

Task<Answer> ask_for_link(Ports& ports, const Call& call) {
    const std::string login = to_lower(trimmed(call.text("login")));
    const auto verdict = ports.accounts.link_requests().take(call.request.peer.address, login, Clock::now());
    if (verdict == LinkRequests::Verdict::refuse) {
        Trouble told = trouble(429, "too_many_requests",
                               "Too many links were asked for: wait, or have an administrator send one.");
        told.retry_after = pause_after_too_many;
        co_return Refused(std::move(told));
    }
    if (verdict == LinkRequests::Verdict::answer) {
        json::object request{{"command", "user.forgotten"},
                             {"arguments", json::object{{"login", login}, {"peer", call.request.peer.address.text()}}}};
        call.request.shard->spawn(send_link(ports, std::move(request), Principal{}));
    }
    co_return json_response(202, json::object{{"asked", true}});
}

Task<Answer> look_at_link(Ports& ports, const Call& call) {
    const std::string token = call.text("token");
    json::object answer;
    const auto read = co_await read_rows(ports.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const UserId id, peek_one_time_token(reader, purpose_of(call), token, WallClock::now()));
        RELEVO_TRY(const User user, user_with_id(reader, id));
        answer = {{"login", user.login},
                  {"name", user.display_name.empty() ? json::value(nullptr) : json::value(user.display_name)},
                  {"role", name_of(user.role)},
                  {"language", user.language == mail::Language::spanish ? "es" : "en"},
                  {"has_second_factor", user.second_factor == SecondFactor::totp},
                  {"host_name", ports.host_name}};
        return {};
    });
    if (read.has_value()) co_return json_response(200, answer);
    const ErrorKind kind = read.error().kind;
    if (kind == ErrorKind::not_found || kind == ErrorKind::timeout || kind == ErrorKind::closed)
        co_return Refused(link_not_valid());
    co_return Refused(trouble_of(read.error()));
}

}  // namespace relevo::api

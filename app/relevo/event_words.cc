// The log in words.
#include "app/relevo/event_words.h"

#include "app/relevo/json_arguments.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relevo {
namespace {

namespace json = boost::json;

// The members that are texts; "" for what is not there.
struct Facts {
    const json::object& object;
    std::string operator()(const char* name) const {
        const json::value* found = object.if_contains(name);
        return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
    }
    [[nodiscard]] std::int64_t number(const char* name) const {
        const json::value* found = object.if_contains(name);
        return found != nullptr && found->is_int64() ? found->get_int64() : 0;
    }
};

std::string clock_time(WallClock::time_point time) {
    return fmt::format("{:%H:%M:%S} UTC", fmt::gmtime(WallClock::to_time_t(time)));
}

std::string sentence_of_message(EventKind kind, const json::object& facts) {
    const Facts text{facts};
    const std::string said = text("reply").empty() ? text("explanation") : text("reply");
    const std::string where =
        text("host").empty() ? text("site") : fmt::format("{} [{}]", text("host"), text("address"));
    switch (kind) {
        case EventKind::accepted: {
            if (text("from") == "account") return "Made here for a person of the console: " + text("about");
            if (!text("about").empty()) return "Report made about " + text("about");
            std::string sentence = "Accepted from " + text("client");
            if (!text("login").empty()) sentence += fmt::format(" (login {}, {})", text("login"), text("mechanism"));
            sentence += text("tls").empty() ? ", without TLS" : ", over " + text("tls");
            return sentence + (text("waits_for").empty() ? "" : "; waits: " + text("waits_for"));
        }
        case EventKind::delivered: return fmt::format("Delivered to {}: {}", where, said);
        case EventKind::deferred: {
            const json::value* next = facts.if_contains("next_attempt");
            return fmt::format(
                "{}: {}; next attempt {}", where, said,
                next != nullptr && next->is_int64() ? clock_time(time_of_milliseconds(next->get_int64())) : "later");
        }
        case EventKind::failed: return fmt::format("Failed for good at {}: {}", where, said);
        case EventKind::expired: return fmt::format("Given up, its time is over. Last answer of {}: {}", where, said);
        case EventKind::held: return "Held" + (text("reason").empty() ? std::string() : ": " + text("reason"));
        case EventKind::released: return "Released" + (text("reason").empty() ? std::string() : ": " + text("reason"));
        case EventKind::dropped: return "Dropped" + (text("reason").empty() ? std::string() : ": " + text("reason"));
        case EventKind::reported: return fmt::format("Reported to {} by {}", text("to"), text("report"));
        case EventKind::suppressed:
            return fmt::format("Not sent: the address is on the suppression list ({}{}{})", text("reason"),
                               text("because").empty() ? "" : ": ", text("because"));
        case EventKind::bounced: {
            const std::string reporter = text("reporting_mta").empty() ? text("remote_mta") : text("reporting_mta");
            return fmt::format("Came back after delivery{}{}: {}", reporter.empty() ? "" : ", from ", reporter,
                               said.empty() ? text("status") : said);
        }
        case EventKind::complained: return "Its recipient called it spam";
        case EventKind::auto_reply: return "A program answered for the recipient" + (said.empty() ? "" : ": " + said);
        case EventKind::unsubscribed:
            return "Its recipient wants no more" + (text("how").empty() ? "" : ", by " + text("how"));
        case EventKind::opened:
        case EventKind::clicked: {
            const json::value* confidence = facts.if_contains("confidence");
            return fmt::format("{} by a {} ({} % sure: {})",
                               kind == EventKind::opened ? "Opened" : "Followed the link " + text("url"),
                               text("by") == "machine" ? "program" : "person",
                               confidence != nullptr && confidence->is_int64() ? confidence->get_int64() : 0,
                               text("rule").empty() ? "no rule" : text("rule"));
        }
        case EventKind::notified:
            return fmt::format("A message came back that is no bounce{}{}", text("action").empty() ? "" : ": ",
                               text("action"));
        default: return {};
    }
}

std::string because(const std::string& reason) { return reason.empty() ? reason : ": " + reason; }

std::string sentence_of_domain(const json::object& facts) {
    const Facts text{facts};
    std::string changes;
    const json::value* list = facts.if_contains("changes");
    if (list != nullptr && list->is_array())
        for (const json::value& change : list->get_array()) {
            if (!change.is_object()) continue;
            const Facts one{change.get_object()};
            changes += fmt::format("{}{} {} ({} before)", changes.empty() ? "" : "; ", one("title"), one("status"),
                                   one("before"));
        }
    return fmt::format("{} is {} ({} before): {}", text("domain"), text("status"), text("before"), changes);
}

std::string sentence_of_source(EventKind kind, const json::object& facts) {
    const Facts text{facts};
    switch (kind) {
        case EventKind::source_drained:
            return fmt::format("{} was drained ({}){}{}", text("source"), text("cause"), because(text("reason")),
                               text("until").empty() ? "" : "; until " + text("until"));
        case EventKind::source_resumed: return fmt::format("{} takes mail again", text("source"));
        case EventKind::source_listed: return fmt::format("{} is on a blocklist: {}", text("source"), text("where"));
        case EventKind::source_delisted: return fmt::format("{} is on no blocklist any more", text("source"));
        default: break;
    }
    const json::value* ended = facts.if_contains("ended");
    if (ended != nullptr && ended->is_bool() && ended->get_bool())
        return fmt::format("{} is warmed up for {}", text("source"), text("shaping_key"));
    return fmt::format("{} may send {} messages a day to {} ({} before)", text("source"), text.number("target"),
                       text("shaping_key"), text.number("before"));
}

std::string sentence_of_certificate(EventKind kind, const json::object& facts) {
    const Facts text{facts};
    switch (kind) {
        case EventKind::certificate_issued:
        case EventKind::certificate_renewed:
            return fmt::format("The certificate of {} was {} by {}; it ends {}", text("name"),
                               kind == EventKind::certificate_issued ? "issued" : "renewed", text("issuer"),
                               text("expires"));
        case EventKind::certificate_failed:
            return fmt::format("No certificate for {} ({} failures in a row; again {}): {}", text("name"),
                               text.number("failures"), text("next"), text("problem"));
        default:
            return fmt::format("The certificate of {} ends {} and nothing has renewed it: {}", text("name"),
                               text("expires"), text("file"));
    }
}

std::string sentence_of_tenant(EventKind kind, const json::object& facts) {
    const Facts text{facts};
    if (kind == EventKind::tenant_released) return fmt::format("Sends as others do again ({} before)", text("before"));
    const std::string_view what = kind == EventKind::tenant_held     ? "New mail is held until a person looks"
                                  : kind == EventKind::tenant_slowed ? "Sends slowly"
                                                                     : "Warned";
    return fmt::format("{}{}", what, because(text("reason")));
}

}  // namespace

json::object detail_of(const Event& event) {
    boost::system::error_code problem;
    json::value parsed = json::parse(event.detail, problem);
    return !problem && parsed.is_object() ? std::move(parsed.get_object()) : json::object();
}

std::string sentence_of(EventKind kind, const json::object& facts) {
    const Facts text{facts};
    switch (topic_of(kind)) {
        case EventTopic::message: return sentence_of_message(kind, facts);
        case EventTopic::domain: return sentence_of_domain(facts);
        case EventTopic::source: return sentence_of_source(kind, facts);
        case EventTopic::certificate: return sentence_of_certificate(kind, facts);
        case EventTopic::tenant: return sentence_of_tenant(kind, facts);
        case EventTopic::suppression:
            if (kind == EventKind::suppression_deleted)
                return fmt::format("{} is on the suppression list no more ({})", text("recipient"), text("because"));
            return fmt::format("{} came on the suppression list ({}{})", text("recipient"), text("reason"),
                               because(text("because")));
        case EventTopic::quota: break;
    }
    return fmt::format("{} % of {} recipients per {} are used: the quota of {}", text.number("percent"),
                       text.number("recipients"), text("period"), text("of"));
}

}  // namespace relevo

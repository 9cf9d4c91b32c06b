// Reports about mail authentication, for people.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "core/events/history.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;

constexpr std::int64_t default_limit = 100;
constexpr std::int64_t longest_limit = 10'000;
constexpr std::chrono::days usual_days{30};  // that reports of others are summed up over

struct Question {
    std::string domain;  // A-labels, lower case; "": all
    std::optional<WallClock::time_point> from;
    std::int64_t limit = default_limit;
};

Result<std::optional<WallClock::time_point>> day_member(const Arguments& arguments, std::string_view name) {
    RELEVO_TRY(const auto text, text_member(arguments, name));
    if (!text || text->empty()) return std::optional<WallClock::time_point>();
    RELEVO_TRY(const auto time, time_member(arguments, name));
    return std::optional(WallClock::time_point(std::chrono::floor<std::chrono::days>(*time)));
}

Result<Question> question_of(const Arguments& arguments) {
    RELEVO_CHECK(check_members(arguments, {"domain", "from_day", "limit"}));
    Question question;
    RELEVO_TRY(const auto domain, text_member(arguments, "domain"));
    if (domain && !domain->empty()) {
        RELEVO_TRY(const std::string parsed, mail::parse_domain(*domain, mail::Utf8::allowed));
        RELEVO_TRY(question.domain, mail::to_ascii_domain(parsed));
    }
    RELEVO_TRY(question.from, day_member(arguments, "from_day"));
    RELEVO_TRY(const auto limit, number_member(arguments, "limit"));
    question.limit = std::clamp<std::int64_t>(limit.value_or(default_limit), 1, longest_limit);
    return question;
}

WallClock::time_point first_moment(const Question& question) {
    return question.from.value_or(std::chrono::floor<std::chrono::days>(WallClock::now()) - usual_days);
}

std::string day_text(std::int64_t day) {
    return fmt::format("{:%Y-%m-%d}", fmt::gmtime(WallClock::to_time_t(WallClock::time_point(std::chrono::days(day)))));
}

Result<json::object> list_reports(Reader& reader, const Question& question) {
    RELEVO_TRY(const auto summaries,
               summarise_received(reader, question.domain, first_moment(question), question.limit));
    json::array domains;
    for (const ReceivedSummary& one : summaries)
        domains.emplace_back(json::object{{"domain", one.domain},
                                          {"kind", name_of(one.kind)},
                                          {"reports", one.reports},
                                          {"organizations", one.organizations},
                                          {"passed", one.passed},
                                          {"failed", one.failed},
                                          {"until", json_time(one.last_end)}});
    return json::object{{"domains", std::move(domains)}};
}

Result<json::object> show_reports(Reader& reader, const Question& question) {
    if (question.domain.empty()) return failure(ErrorKind::invalid, "\"domain\" is missing");
    const WallClock::time_point from = first_moment(question);
    RELEVO_TRY(const auto sources, sources_of(reader, question.domain, from, question.limit));
    RELEVO_TRY(const auto reports, list_received(reader, question.domain, from, question.limit));
    json::array source_list, report_list;
    for (const ReceivedSource& one : sources)
        source_list.emplace_back(json::object{{"kind", name_of(one.kind)},
                                              {"source", one.row.source},
                                              {"messages", one.row.messages},
                                              {"reports", one.reports},
                                              {"result", one.row.result},
                                              {"dkim_aligned", one.row.dkim_aligned},
                                              {"spf_aligned", one.row.spf_aligned},
                                              {"author_domain", one.row.author_domain},
                                              {"detail", one.row.detail}});
    for (const ReceivedReport& one : reports)
        report_list.emplace_back(json::object{{"kind", name_of(one.kind)},
                                              {"organization", one.organization},
                                              {"report_id", one.report_id},
                                              {"sender", one.sender},
                                              {"message", one.message.text()},
                                              {"begin", json_time(one.begin)},
                                              {"end", json_time(one.end)},
                                              {"policy", one.policy},
                                              {"passed", one.passed},
                                              {"failed", one.failed}});
    return json::object{
        {"domain", question.domain}, {"sources", std::move(source_list)}, {"reports", std::move(report_list)}};
}

Result<json::object> sent_reports(Reader& reader, const Question& question) {
    const std::int64_t first_day = question.from ? day_of(*question.from) : 0;
    RELEVO_TRY(const auto reports, list_outgoing(reader, first_day, question.domain, question.limit));
    json::array list;
    for (const OutgoingReport& one : reports)
        list.emplace_back(json::object{{"kind", name_of(one.kind)},
                                       {"day", day_text(one.day)},
                                       {"domain", one.policy_domain},
                                       {"messages", one.messages},
                                       {"rows", one.rows},
                                       {"dropped", one.dropped},
                                       {"state", name_of(one.state)},
                                       {"reason", json_text_or_null(one.reason)},
                                       {"recipients", json_list(one.recipients)},
                                       {"changed_at", json_time(one.changed_at)}});
    return json::object{{"reports", std::move(list)}};
}

}  // namespace

Task<Control::Answer> Control::perform_reports(std::string command, Arguments arguments) {
    if (command == "reports.send") co_return co_await send_reports(std::move(arguments));
    Result<json::object> (*answer)(Reader&, const Question&) = nullptr;
    if (command == "reports.list") answer = list_reports;
    if (command == "reports.show") answer = show_reports;
    if (command == "reports.sent") answer = sent_reports;
    if (answer == nullptr)
        co_return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", printable(command, 60)));
    RELEVO_CO_TRY(Question question, question_of(arguments));
    co_return co_await read_rows(
        [answer, question = std::move(question)](Reader& reader) { return answer(reader, question); });
}

Task<Control::Answer> Control::send_reports(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"day"}));
    RELEVO_CO_CHECK(required_text(arguments, "day"));
    RELEVO_CO_TRY(const auto day, day_member(arguments, "day"));
    if (context_.reporting == nullptr) co_return failure(ErrorKind::closed, "this needs a running server");
    RELEVO_CO_TRY(const std::int64_t waiting, co_await context_.reporting->send_day(day_of(*day)));
    co_return json::object{{"day", day_text(day_of(*day))}, {"waiting", waiting}};
}

}  // namespace relevo

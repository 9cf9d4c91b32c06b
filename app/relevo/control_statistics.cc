// Statistics, and the search for messages.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "core/spool/message.h"
#include "core/statistics/counter_book.h"
#include "core/statistics/recipient_log.h"
#include "lib/base/text.h"
#include "lib/bounces/reply_classifier.h"
#include "lib/mailsearch/query.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;

constexpr std::int64_t default_page = 50;
constexpr std::int64_t longest_page = 1'000;
constexpr std::int64_t usual_names = 20;
constexpr std::chrono::hours usual_time{24};

// Of all tenants if none is named.
Result<std::optional<TenantId>> tenant_of(const Arguments& arguments, const Directory& directory) {
    RELEVO_TRY(const auto text, text_member(arguments, "tenant"));
    if (!text || text->empty()) return std::optional<TenantId>();
    const auto found = std::ranges::find_if(
        directory.tenants(), [&](const Tenant& one) { return one.name == *text || one.id.text() == *text; });
    if (found == directory.tenants().end())
        return failure(ErrorKind::not_found, fmt::format("there is no tenant \"{}\"", printable(*text, 60)));
    return std::optional(found->id);
}

// What people call a name of statistics, and what they say for it. A login stands for its credential, a tenant's name
// for its id.
std::string stored_name(const Directory& directory, Dimension dimension, const std::string& name) {
    if (dimension == Dimension::credential)
        if (const Credential* known = directory.credential_by_login(name)) return known->id.text();
    if (dimension == Dimension::tenant)
        for (const Tenant& tenant : directory.tenants())
            if (tenant.name == name) return tenant.id.text();
    return to_lower(name);
}

std::string shown_name(const Directory& directory, Dimension dimension, const std::string& name) {
    if (dimension == Dimension::credential) {
        const auto id = CredentialId::parse(name);
        const Credential* known = id.has_value() ? directory.credential(*id) : nullptr;
        if (known != nullptr) return known->login;
    }
    if (dimension == Dimension::tenant) {
        const auto id = TenantId::parse(name);
        const Tenant* known = id.has_value() ? directory.tenant(*id) : nullptr;
        if (known != nullptr) return known->name;
    }
    return name;
}

struct Question {
    CounterFilter filter;
    WallClock::time_point from, to;
    Resolution resolution = Resolution::hour;
    std::int64_t limit = usual_names;
};

Result<Dimension> dimension_of(const std::string& text) {
    const auto dimension = dimension_named(text);
    if (dimension && *dimension != Dimension::total) return *dimension;
    return failure(
        ErrorKind::invalid,
        fmt::format("\"{}\" is nothing to go by: use tenant, stream, credential, domain, tag, site, source, class "
                    "or reply",
                    printable(text, 60)));
}

Result<Question> question_of(const Arguments& arguments, const Directory& directory, bool by_names) {
    Question question;
    RELEVO_CHECK(
        by_names ? check_members(arguments, {"tenant", "by", "site", "from", "to", "resolution", "limit", "language"})
                 : check_members(arguments, {"tenant", "by", "name", "from", "to", "resolution"}));
    RELEVO_TRY(const auto tenant, tenant_of(arguments, directory));
    question.filter.tenant = tenant.value_or(TenantId());
    RELEVO_TRY(const auto by, text_member(arguments, "by"));
    RELEVO_TRY(const auto name, text_member(arguments, "name"));
    if (by) {
        RELEVO_TRY(question.filter.dimension, dimension_of(*by));
    }
    if (by_names && !by) return failure(ErrorKind::invalid, "\"by\" is missing: what to break the numbers down by");
    if (!by_names && by.has_value() != name.has_value())
        return failure(ErrorKind::invalid, "\"by\" and \"name\" go together: the numbers of one name");
    if (question.filter.dimension == Dimension::tenant && tenant)
        return failure(ErrorKind::invalid, "\"by\" tenant is for the whole server: leave \"tenant\" away");
    RELEVO_TRY(const auto site, text_member(arguments, "site"));
    if (site && question.filter.dimension != Dimension::reply)
        return failure(ErrorKind::invalid, "\"site\" goes with \"by\" reply: what the servers of a site said");
    if (site) {
        question.filter.dimension = Dimension::site_reply;
        question.filter.name = to_lower(*site) + " ";
    }
    if (name) question.filter.name = stored_name(directory, question.filter.dimension, *name);
    RELEVO_TRY(const auto to, time_member(arguments, "to"));
    question.to = to.value_or(WallClock::now());
    RELEVO_TRY(const auto from, time_member(arguments, "from"));
    question.from = from.value_or(question.to - usual_time);
    if (question.from < WallClock::time_point{} || question.from >= question.to)
        return failure(ErrorKind::invalid, "\"to\" must lie after \"from\"");
    RELEVO_TRY(const auto resolution, text_member(arguments, "resolution"));
    const auto known = resolution ? resolution_named(*resolution) : usual_resolution(question.from, question.to);
    if (!known) return failure(ErrorKind::invalid, "\"resolution\" is minute, hour or day");
    // Replies are kept by day alone.
    const bool is_of_replies = question.filter.dimension == Dimension::reply || site;
    question.resolution = is_of_replies ? Resolution::day : *known;
    RELEVO_TRY(const auto limit, number_member(arguments, "limit"));
    question.limit = std::clamp<std::int64_t>(limit.value_or(usual_names), 1, breakdown_limit);
    return question;
}

json::value seconds_or_null(std::optional<std::chrono::milliseconds> time) {
    if (!time) return nullptr;
    return static_cast<double>(time->count()) / 1000.0;
}

json::object json_of(const Counts& counts) {
    json::object object;
    for (std::size_t i = 0; i < counted_things; ++i) {
        const auto thing = static_cast<Counted>(i);
        if (thing != Counted::queue_depth && thing != Counted::queue_looks) object[name_of(thing)] = counts.of(thing);
    }
    const std::optional<double> waiting = counts.queue_mean();
    object["queue_mean"] = waiting ? json::value(std::round(*waiting * 10) / 10) : json::value(nullptr);
    object["median_seconds"] = seconds_or_null(counts.delay_quantile(0.5));
    object["p95_seconds"] = seconds_or_null(counts.delay_quantile(0.95));
    return object;
}

// What every answer says of its question: the time that was counted, in whole steps.
json::object frame_of(const Question& question) {
    const auto step = length_of(question.resolution);
    const auto floor = [&](WallClock::time_point time) {
        return WallClock::time_point(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()) / step * step);
    };
    const auto last = floor(question.to - std::chrono::milliseconds(1));
    return {{"from", json_time(floor(question.from))},
            {"to", json_time(last + step)},
            {"resolution", name_of(question.resolution)}};
}

// Why servers say such a reply, and what to do; null if nothing is known of it. A reply that only the others of its day
// have in common, CounterBook::other_name, has no code.
json::value meaning_of_reply(const std::string& reply, const std::string& site, const bounces::PatternTable& patterns,
                             mail::Language language) {
    bounces::ReplyFacts facts = bounces::read_reply(reply);
    if (facts.code == 0) return nullptr;
    facts.host = site;
    const bounces::ReplyVerdict verdict = bounces::classify_reply(facts, patterns);
    if (verdict.kind == bounces::BounceClass::unknown) return nullptr;
    const mail::Advice advice = bounces::explain(verdict.kind, language);
    return json::value(fmt::format("{}{}{}", advice.reason, advice.what_to.empty() ? "" : " ", advice.what_to));
}

json::array marks_of(std::uint8_t marks) {
    using mailsearch::Mark;
    json::array names;
    const auto add = [&](Mark mark, std::string_view name) {
        if ((marks & static_cast<std::uint8_t>(mark)) != 0) names.emplace_back(name);
    };
    add(Mark::opened, "opened");
    add(Mark::clicked, "clicked");
    add(Mark::complained, "complained");
    add(Mark::unsubscribed, "unsubscribed");
    return names;
}

}  // namespace

Task<Control::Answer> Control::perform_statistics(std::string command, Arguments arguments) {
    const bool is_series = command == "stats.series", by_names = command == "stats.breakdown";
    if (!is_series && !by_names && command != "stats.totals")
        co_return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", printable(command, 60)));
    const auto directory = context_.directory();
    RELEVO_CO_TRY(const Question question, question_of(arguments, *directory, by_names));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const auto site, text_member(arguments, "site"));
    const bool is_of_replies =
        question.filter.dimension == Dimension::reply || question.filter.dimension == Dimension::site_reply;
    const auto patterns = is_of_replies && context_.bounce_patterns ? context_.bounce_patterns() : nullptr;
    json::object answer = frame_of(question);
    RELEVO_CO_CHECK(
        co_await relevo::read_rows(context_.store.statistics_committer(), [&](Reader& reader) -> Result<void> {
            CounterSums unwritten;
            if (context_.statistics != nullptr) {
                RELEVO_TRY(unwritten, context_.statistics->unwritten(reader, question.filter));
            }
            if (by_names) {
                RELEVO_TRY(const Breakdown found,
                           breakdown(reader, unwritten, question.filter, question.from, question.to,
                                     question.resolution, static_cast<std::size_t>(question.limit)));
                json::array rows;
                for (const BreakdownRow& row : found.rows) {
                    json::object object{{"name", shown_name(*directory, question.filter.dimension, row.name)}};
                    for (auto& given : json_of(row.counts)) object.insert(given);
                    if (patterns != nullptr)
                        object["meaning"] = meaning_of_reply(row.name, site.value_or(""), *patterns, language);
                    rows.emplace_back(std::move(object));
                }
                answer["rows"] = std::move(rows);
                answer["cut"] = found.is_cut;
                return {};
            }
            if (!is_series) {
                RELEVO_TRY(const Counts sum,
                           totals(reader, unwritten, question.filter, question.from, question.to, question.resolution));
                answer["totals"] = json_of(sum);
                return {};
            }
            RELEVO_TRY(const auto points,
                       series(reader, unwritten, question.filter, question.from, question.to, question.resolution));
            json::array list;
            for (const SeriesPoint& point : points) {
                json::object object{
                    {"time", point.start == WallClock::time_point{} ? json::value(nullptr) : json_time(point.start)}};
                for (auto& given : json_of(point.counts)) object.insert(given);
                list.emplace_back(std::move(object));
            }
            answer["points"] = std::move(list);
            return {};
        }));
    co_return answer;
}

Task<Control::Answer> Control::list_messages(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"query", "tenant", "limit", "after"}));
    const auto directory = context_.directory();
    RELEVO_CO_TRY(const auto tenant, tenant_of(arguments, *directory));
    RELEVO_CO_TRY(const auto text, text_member(arguments, "query"));
    RELEVO_CO_TRY(const mailsearch::MailQuery query, mailsearch::parse_query(text.value_or("")));
    RELEVO_CO_TRY(const auto limit, number_member(arguments, "limit"));
    RELEVO_CO_TRY(const auto after, text_member(arguments, "after"));
    const auto start = after ? parse_decimal<std::int64_t>(*after) : std::optional(std::int64_t{0});
    if (!start) co_return failure(ErrorKind::invalid, "\"after\" is what \"next\" of the page before said");
    const std::int64_t page = std::clamp<std::int64_t>(limit.value_or(default_page), 1, longest_page);
    RecipientPage found;
    RELEVO_CO_CHECK(
        co_await relevo::read_rows(context_.store.statistics_committer(), [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(found, recipients_.find(reader, query, tenant, *start, static_cast<std::size_t>(page)));
            return {};
        }));
    json::array messages;
    for (const FoundRecipient& one : found.rows)
        messages.emplace_back(json::object{{"message", one.id.message.text()},
                                           {"recipient_number", one.id.ordinal},
                                           {"tenant", tenant_name(one.tenant)},
                                           {"sender", one.sender},
                                           {"recipient", one.recipient},
                                           {"status", mailsearch::name_of(one.state)},
                                           {"marks", marks_of(one.marks)},
                                           {"class", json_text_or_null(one.reason)},
                                           {"subject", json_text_or_null(one.labels.subject)},
                                           {"tags", json::array(one.labels.tags.begin(), one.labels.tags.end())},
                                           {"accepted_at", json_time(time_of(one.id.message))},
                                           {"changed_at", json_time(one.changed_at)},
                                           {"send_at", one.send_at ? json_time(*one.send_at) : json::value(nullptr)}});
    json::value next = nullptr;
    if (found.next != 0) next = json::string(std::to_string(found.next));
    co_return json::object{{"messages", std::move(messages)}, {"next", std::move(next)}};
}

}  // namespace relevo

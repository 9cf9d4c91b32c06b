// The log, as people and programs look it up.
#include "app/relevo/control.h"
#include "app/relevo/event_words.h"
#include "app/relevo/json_arguments.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;

constexpr std::int64_t default_page = 50;
constexpr std::int64_t longest_page = 500;

template <class T, class Named>
Result<std::optional<T>> named_member(const Arguments& arguments, const char* member, Named named, std::string known) {
    RELEVO_TRY(const auto text, text_member(arguments, member));
    if (!text) return std::optional<T>();
    const std::optional<T> found = named(*text);
    if (!found)
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is no {}; there are {}", printable(*text, 60), member, known));
    return found;
}

std::string names_of_kinds() {
    std::string names;
    for (const EventKind kind : all_event_kinds()) names += (names.empty() ? "" : ", ") + std::string(name_of(kind));
    return names;
}

// People write names, the log has ids: names come and go.
std::string subject_of(const Directory& directory, std::string subject) {
    const auto colon = subject.find(':');
    if (colon == std::string::npos) return subject;
    const auto topic = event_topic_named(subject.substr(0, colon));
    const std::string name = subject.substr(colon + 1);
    if (topic == EventTopic::domain) {
        const auto comparable = comparable_domain(name);
        const Domain* domain = comparable.has_value() ? directory.domain_for(*comparable) : nullptr;
        if (domain != nullptr && domain->name == *comparable) return subject_text(*topic, domain->id.text());
    }
    if (topic == EventTopic::suppression)
        if (const auto address = comparable_address(name); address.has_value()) return subject_text(*topic, *address);
    if (topic == EventTopic::tenant) {
        const auto found = std::ranges::find(directory.tenants(), name, &Tenant::name);
        if (found != directory.tenants().end()) return subject_text(*topic, found->id.text());
    }
    return subject;
}

Result<EventQuery> query_of(const Arguments& arguments, const Directory& directory) {
    EventQuery query;
    RELEVO_TRY(const auto tenant, text_member(arguments, "tenant"));
    if (tenant && !tenant->empty()) {
        const auto found = std::ranges::find_if(
            directory.tenants(), [&](const Tenant& one) { return one.name == *tenant || one.id.text() == *tenant; });
        if (found == directory.tenants().end())
            return failure(ErrorKind::not_found, fmt::format("there is no tenant \"{}\"", printable(*tenant, 60)));
        query.tenant = found->id;
    }
    RELEVO_TRY(const auto message, text_member(arguments, "message"));
    if (message) {
        RELEVO_TRY(query.message, MessageId::parse(*message));
    }
    RELEVO_TRY(const auto subject, text_member(arguments, "subject"));
    if (subject && subject->size() > 500) return failure(ErrorKind::invalid, "\"subject\" is at most 500 octets long");
    query.subject = subject_of(directory, subject.value_or(""));
    RELEVO_TRY(query.topic, named_member<EventTopic>(
                                arguments, "about", [](const std::string& text) { return event_topic_named(text); },
                                "message, domain, source, tenant, certificate, suppression, quota"));
    RELEVO_TRY(query.kind, named_member<EventKind>(
                               arguments, "kind", [](const std::string& text) { return event_kind_named(text); },
                               names_of_kinds()));
    return query;
}

}  // namespace

json::object Control::event_entry(const Event& event) const {
    json::object facts = detail_of(event);
    const std::string text = sentence_of(event.kind, facts);
    const json::value* subject = facts.if_contains("subject");
    json::value about = subject != nullptr && topic_of(event.kind) != EventTopic::message ? *subject : nullptr;
    facts.erase("transcript");
    if (!about.is_null()) facts.erase("subject");
    return {{"id", event.id.text()},
            {"time", json_time(event.at)},
            {"kind", name_of(event.kind)},
            {"tenant", event.tenant ? json::value(tenant_name(event.tenant)) : json::value(nullptr)},
            {"message", event.message ? json::value(event.message.text()) : json::value(nullptr)},
            {"recipient_number", event.ordinal == whole_message ? json::value(nullptr) : json::value(event.ordinal)},
            {"subject", std::move(about)},
            {"text", text},
            {"facts", std::move(facts)}};
}

Task<Control::Answer> Control::list_events(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant", "message", "subject", "about", "kind", "limit", "after"}));
    RELEVO_CO_TRY(const EventQuery query, query_of(arguments, *context_.directory()));
    RELEVO_CO_TRY(const auto limit, number_member(arguments, "limit"));
    RELEVO_CO_TRY(const auto after, text_member(arguments, "after"));
    std::optional<EventPlace> place;
    if (after) {
        RELEVO_CO_TRY(place, EventPlace::parse(*after));
    }
    const std::int64_t page = std::clamp<std::int64_t>(limit.value_or(default_page), 1, longest_page);
    EventList::Page found;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(found, events_.page(reader, query, place, static_cast<std::size_t>(page)));
        return {};
    }));
    json::array entries;
    for (const Event& event : found.events) entries.emplace_back(event_entry(event));
    json::value next = nullptr;
    if (found.next) next = json::string(found.next->text());
    co_return json::object{{"events", std::move(entries)}, {"next", std::move(next)}};
}

}  // namespace relevo

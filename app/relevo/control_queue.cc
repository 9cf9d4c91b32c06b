// The queue and messages, for people.
#include "app/relevo/control.h"
#include "app/relevo/event_words.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/queue_words.h"
#include "core/policy/sending.h"
#include "core/reception/send_time.h"
#include "core/tenancy/administration.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/bounces/bounce_class.h"
#include "lib/mime/message_view.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;

constexpr std::size_t changes_at_once = 1000;  // rows in one transaction of a bulk operation
constexpr std::size_t shown_of_change = 10;

// A filter that the store cannot apply by itself is applied to its rows.
struct Selection {
    DeliveryFilter filter;
    std::optional<std::uint32_t> ordinal;
    std::string destination;
    std::string site;            // or provider
    std::optional<bool> active;  // being delivered, or not
    enum class Waits : std::uint8_t { any, for_quota, for_its_time, until_released } waits = Waits::any;
};

constexpr std::initializer_list<std::string_view> filter_members = {
    "id",    "tenant", "sender", "recipient", "domain", "destination", "site",
    "state", "limit",  "after",  "all",       "reason", "dry_run"};

// Absent and null mean the same.
bool is_given(const Arguments& arguments, std::string_view name) {
    const json::value* found = arguments.if_contains(name);
    return found != nullptr && !found->is_null();
}

bool is_held(const DeliveryRow& row) { return row.state == DeliveryState::held; }

bool fits(Selection::Waits waits, const DeliveryRow& row) {
    if (waits == Selection::Waits::for_its_time) return is_scheduled(row);
    if (waits == Selection::Waits::any || is_for_quota(row)) return true;
    return waits == Selection::Waits::until_released && row.state == DeliveryState::held;
}

Result<Selection> selection_of(const Arguments& arguments, const Directory& directory) {
    RELEVO_CHECK(check_members(arguments, filter_members));
    Selection selection;
    RELEVO_TRY(const auto id, text_member(arguments, "id"));
    if (id) {
        RELEVO_TRY(const auto named, message_or_delivery(*id));
        selection.filter.message = named.first;
        selection.ordinal = named.second;
    }
    RELEVO_TRY(const auto tenant, text_member(arguments, "tenant"));
    if (tenant) {
        const auto found = std::ranges::find_if(
            directory.tenants(), [&](const Tenant& one) { return one.name == *tenant || one.id.text() == *tenant; });
        if (found == directory.tenants().end())
            return failure(ErrorKind::not_found, fmt::format("there is no tenant \"{}\"", printable(*tenant, 60)));
        selection.filter.tenant = found->id;
    }
    RELEVO_TRY(const auto sender, text_member(arguments, "sender"));
    RELEVO_TRY(const auto recipient, text_member(arguments, "recipient"));
    RELEVO_TRY(const auto domain, text_member(arguments, "domain"));
    RELEVO_TRY(const auto destination, text_member(arguments, "destination"));
    RELEVO_TRY(const auto site, text_member(arguments, "site"));
    RELEVO_TRY(const auto state, text_member(arguments, "state"));
    selection.filter.sender = sender.value_or("");
    selection.filter.recipient = recipient.value_or("");
    selection.filter.recipient_domain = domain.value_or("");
    selection.destination = to_lower(destination.value_or(""));
    selection.site = to_lower(site.value_or(""));
    if (state == "held") {
        selection.filter.state = DeliveryState::held;
    } else if (state == "waiting" || state == "active") {
        selection.filter.state = DeliveryState::waiting;
        selection.active = state == "active";
    } else if (state == "restored") {
        selection.filter.restored = true;
    } else if (state == "quota") {
        selection.waits = Selection::Waits::for_quota;
    } else if (state == "scheduled") {
        selection.waits = Selection::Waits::for_its_time;
    } else if (state == "releasable") {
        selection.waits = Selection::Waits::until_released;
    } else if (state) {
        return failure(ErrorKind::invalid,
                       "\"state\" is waiting, active, held, restored, scheduled, quota or releasable");
    }
    return selection;
}

// What the class of a reply means and what to do; null if there is none.
json::value meaning_of(const json::object& facts, mail::Language language) {
    const json::value* name = facts.if_contains("class");
    if (name == nullptr || !name->is_string()) return nullptr;
    const auto kind = bounces::bounce_class_named(std::string_view(name->get_string()));
    if (!kind) return nullptr;
    const mail::Advice advice = bounces::explain(*kind, language);
    return json::value(fmt::format("{}{}{}", advice.reason, advice.what_to.empty() ? "" : " ", advice.what_to));
}

json::object timeline_entry(const Event& event, mail::Language language) {
    json::object facts = detail_of(event);
    json::value recipient = nullptr;
    json::value transcript = nullptr;
    if (const json::value* found = facts.if_contains("recipient")) recipient = *found;
    if (const json::value* found = facts.if_contains("transcript")) transcript = *found;
    const std::string text = sentence_of(event.kind, facts);
    json::value meaning = meaning_of(facts, language);
    facts.erase("transcript");
    facts.erase("recipient");
    if (const json::value* next = facts.if_contains("next_attempt"); next != nullptr && next->is_int64())
        facts["next_attempt"] = json_time(time_of_milliseconds(next->get_int64()));
    return {{"time", json_time(event.at)},        {"kind", name_of(event.kind)},
            {"recipient", std::move(recipient)},  {"text", text},
            {"meaning", std::move(meaning)},      {"facts", std::move(facts)},
            {"transcript", std::move(transcript)}};
}

}  // namespace

bool is_for_quota(const DeliveryRow& row) {
    return row.state == DeliveryState::waiting && row.attempts == 0 && row.last_reply.starts_with(waits_for_quota) &&
           row.due_at > WallClock::now();
}

bool is_scheduled(const DeliveryRow& row) {
    return row.state == DeliveryState::waiting && row.attempts == 0 && row.last_reply.starts_with(waits_for_schedule) &&
           row.due_at > WallClock::now();
}

std::string delivery_text(const DeliveryId& id) { return fmt::format("{}/{}", id.message.text(), id.ordinal); }

// "msg_…" or "msg_…/3".
Result<std::pair<MessageId, std::optional<std::uint32_t>>> message_or_delivery(const std::string& text) {
    const auto slash = text.find('/');
    RELEVO_TRY(const MessageId message, MessageId::parse(std::string_view(text).substr(0, slash)));
    if (slash == std::string::npos) return std::pair{message, std::optional<std::uint32_t>()};
    const auto ordinal = parse_decimal<std::uint32_t>(std::string_view(text).substr(slash + 1));
    if (!ordinal)
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is not a delivery: the number of the recipient follows the slash",
                                   printable(text, 60)));
    return std::pair{message, ordinal};
}

std::string_view domain_of(std::string_view address) { return address.substr(address.rfind('@') + 1); }

json::object answer_of_suppressed(MessageId message, const Event& event) {
    const json::object facts = detail_of(event);
    const json::value* recipient = facts.if_contains("recipient");
    return {{"id", delivery_text({message, static_cast<std::uint32_t>(event.ordinal)})},
            {"recipient", recipient != nullptr ? *recipient : json::value(nullptr)},
            {"reason", "suppressed"},
            {"hindrance", nullptr},
            {"until", nullptr},
            {"sentence", sentence_of(event.kind, facts) + "."},
            {"command", nullptr},
            {"meaning", nullptr},
            {"facts", json::object()}};
}

json::value last_meaning(const std::vector<Event>& events, DeliveryId id, mail::Language language) {
    json::value meaning;
    for (const Event& event : events)
        if (event.ordinal == id.ordinal && event.kind == EventKind::deferred)
            meaning = meaning_of(detail_of(event), language);
    return meaning;
}

// Without a server nothing is known.
Task<Control::Live> Control::live_facts_of(const std::vector<DeliveryRow>& rows) {
    Live live;
    if (context_.dispatcher == nullptr) co_return live;
    std::vector<DeliveryId> ids;
    std::set<std::string> destinations;
    for (const DeliveryRow& row : rows) {
        ids.push_back(row.id);
        destinations.insert(context_.dispatcher->destination_of(domain_of(row.recipient), flow_of(row)).first);
    }
    for (DeliveryEngine* engine : context_.dispatcher->engines()) {
        Live some = co_await on_shard<Live>(engine->shard(), [engine, ids, destinations] {
            return Live{.active = engine->leased_of(ids), .sites = engine->sites_of(destinations)};
        });
        live.active.merge(some.active);
        live.sites.merge(some.sites);
    }
    co_return live;
}

mail::TlsWish Control::wish_of(const DeliveryRow& row) const {
    const auto directory = context_.directory();
    const Tenant* tenant = directory->tenant(row.tenant);
    return mail::wish_for(tenant != nullptr ? tenant->tls : mail::TlsWish::usual, row.tls_optional);
}

json::object Control::entry_of(const DeliveryRow& row, const Live& live) const {
    const auto routes = context_.routes();
    const std::string_view domain = domain_of(row.recipient);
    const Route& route = routes->find(domain, row.tenant);
    const auto limit = row.sender.empty() ? route.retry.expire_reports_after : route.retry.expire_after;
    const std::string destination = destination_key(route, domain, wish_of(row));
    const auto site = live.sites.find(destination);
    return {{"id", delivery_text(row.id)},
            {"message", row.id.message.text()},
            {"tenant", tenant_name(row.tenant)},
            {"stream", mail::name_of(row.stream)},
            {"pool", json_text_or_null(row.pool)},
            {"sender", row.sender},
            {"recipient", row.recipient},
            {"destination", destination},
            {"site", site != live.sites.end() ? json_text_or_null(site->second) : json::value(nullptr)},
            {"route", route.name},
            {"state", live.active.contains(row.id)       ? "active"
                      : row.state == DeliveryState::held ? "held"
                      : is_scheduled(row)                ? "scheduled"
                                                         : "waiting"},
            {"attempts", row.attempts},
            {"accepted_at", json_time(row.accepted_at)},
            {"next_attempt_at", json_time(row.due_at)},
            {"expires_at",
             json_time((row.attempts == 0 ? std::max(row.accepted_at, row.due_at) : row.accepted_at) + limit)},
            {"last_reply", row.last_reply},
            {"size", row.size}};
}

// Which site destinations lead to, only the running server knows.
Task<Result<std::set<std::string>>> Control::destinations_at(std::string site) {
    if (context_.dispatcher == nullptr)
        co_return failure(ErrorKind::closed,
                          "which mail goes to a site, only a running server knows: name a destination instead");
    std::set<std::string> keys;
    for (DeliveryEngine* engine : context_.dispatcher->engines())
        keys.merge(co_await on_shard<std::set<std::string>>(engine->shard(), [engine, site] {
            std::set<std::string> some;
            for (const DestinationStatus& status : engine->destinations())
                if (!status.site.empty() && (status.site == site || status.provider == site)) some.insert(status.key);
            return some;
        }));
    co_return keys;
}

Task<Result<std::vector<DeliveryRow>>> Control::select(const Arguments& arguments, std::int64_t after,
                                                       std::size_t limit) {
    const auto directory = context_.directory();
    RELEVO_CO_TRY(const Selection selection, selection_of(arguments, *directory));
    const auto routes = context_.routes();
    std::set<std::string> at_site;
    if (!selection.site.empty()) {
        RELEVO_CO_TRY(at_site, co_await destinations_at(selection.site));
        if (at_site.empty()) co_return std::vector<DeliveryRow>();
    }
    std::vector<DeliveryRow> chosen;
    while (chosen.size() < limit) {
        const std::size_t wanted = limit - chosen.size();
        RELEVO_CO_TRY(std::vector<DeliveryRow> rows,
                      co_await context_.store.spool().list(selection.filter, after, wanted));
        const bool last = rows.size() < wanted || selection.filter.message.has_value();
        const Live live = selection.active ? co_await live_facts_of(rows) : Live();
        for (DeliveryRow& row : rows) {
            after = key_of(row.id);
            const std::string_view domain = domain_of(row.recipient);
            if (selection.ordinal && *selection.ordinal != row.id.ordinal) continue;
            if (!fits(selection.waits, row)) continue;
            const std::string key = destination_key(routes->find(domain, row.tenant), domain, wish_of(row));
            // Who names a destination means all mail there, whatever it asks of TLS.
            if (!selection.destination.empty() && key != selection.destination &&
                usual_destination(key) != selection.destination)
                continue;
            if (!selection.site.empty() && !at_site.contains(key)) continue;
            if (selection.active && *selection.active != live.active.contains(row.id)) continue;
            chosen.push_back(std::move(row));
        }
        if (last) break;
    }
    co_return chosen;
}

Task<Control::Answer> Control::list_queue(Arguments arguments) {
    RELEVO_CO_TRY(const auto limit, number_member(arguments, "limit"));
    RELEVO_CO_TRY(const auto after, text_member(arguments, "after"));
    const std::size_t page = std::min(longest_page, limit ? static_cast<std::size_t>(*limit) : default_page);
    const std::optional<std::int64_t> start = after ? parse_decimal<std::int64_t>(*after) : std::int64_t{0};
    if (!start) co_return failure(ErrorKind::invalid, "\"after\" is what \"next\" of the page before said");
    RELEVO_CO_TRY(const std::vector<DeliveryRow> rows, co_await select(arguments, *start, page));
    const Live live = co_await live_facts_of(rows);
    json::array entries;
    for (const DeliveryRow& row : rows) entries.emplace_back(entry_of(row, live));
    json::value next = nullptr;
    if (rows.size() == page && !rows.empty()) next = json::string(std::to_string(key_of(rows.back().id)));
    co_return json::object{{"entries", std::move(entries)}, {"next", std::move(next)}};
}

Task<Control::Answer> Control::change_queue(Spool::Change change, Arguments arguments) {
    RELEVO_CO_TRY(const auto dry_run, flag_member(arguments, "dry_run"));
    RELEVO_CO_TRY(const auto all, flag_member(arguments, "all"));
    RELEVO_CO_TRY(const auto reason, text_member(arguments, "reason"));
    const bool filtered =
        std::ranges::any_of(std::initializer_list<const char*>{"id", "tenant", "sender", "recipient", "domain",
                                                               "destination", "site", "state"},
                            [&](const char* name) { return is_given(arguments, name); });
    if (!filtered && !all.value_or(false))
        co_return failure(ErrorKind::invalid,
                          "say which messages: an id, a tenant, a sender, a recipient, a domain, a destination, a site "
                          "or a state; or "
                          "--all");
    if (change == Spool::Change::release && !is_given(arguments, "state")) arguments["state"] = "releasable";
    std::size_t count = 0;
    json::array shown;
    for (std::int64_t after = 0;;) {
        RELEVO_CO_TRY(std::vector<DeliveryRow> rows, co_await select(arguments, after, changes_at_once));
        if (rows.empty()) break;
        after = key_of(rows.back().id);
        const bool last = rows.size() < changes_at_once;
        // What is to go at its time, or waits for a person, goes before only if it is named.
        if (change == Spool::Change::retry && !is_given(arguments, "id")) {
            std::erase_if(rows, is_scheduled);
            if (!is_given(arguments, "state")) std::erase_if(rows, is_held);
        }
        if (!dry_run.value_or(false)) {
            RELEVO_CO_TRY(rows, co_await context_.store.spool().change(std::move(rows), change, reason.value_or("")));
            tell_engines(rows, change);
        }
        count += rows.size();
        if (rows.size() > shown_of_change - shown.size()) rows.resize(shown_of_change - shown.size());
        const Live live = co_await live_facts_of(rows);
        for (const DeliveryRow& row : rows) shown.emplace_back(entry_of(row, live));
        if (last) break;
    }
    co_return json::object{{"count", count}, {"changed", !dry_run.value_or(false)}, {"entries", std::move(shown)}};
}

// The rows are changed; what the engines have in memory follows.
void Control::tell_engines(const std::vector<DeliveryRow>& rows, Spool::Change change) {
    if (context_.dispatcher == nullptr) return;
    const bool frees = change == Spool::Change::release || change == Spool::Change::retry;
    std::map<std::string, std::set<DeliveryId>> taken_out, retried;
    for (const DeliveryRow& row : rows) {
        // A held one may be in a queue too: an attempt under way when it was held put it back.
        const bool takes_out = !frees || row.state == DeliveryState::held;
        (takes_out ? taken_out
                   : retried)[context_.dispatcher->destination_of(domain_of(row.recipient), flow_of(row)).first]
            .insert(row.id);
    }
    for (auto& [site, chosen] : taken_out) {
        DeliveryEngine& engine = context_.dispatcher->engine_of(site);
        engine.shard().post([&engine, site, ids = std::move(chosen)] { engine.remove(site, ids); });
    }
    for (auto& [site, chosen] : retried) {
        DeliveryEngine& engine = context_.dispatcher->engine_of(site);
        engine.shard().post([&engine, site, ids = std::move(chosen)] { engine.retry(site, ids); });
    }
    if (!frees) return;
    for (const DeliveryRow& row : rows) {
        if (row.state != DeliveryState::held) continue;
        context_.dispatcher->enqueue(WaitingRecipient{.id = row.id,
                                                      .flow = flow_of(row),
                                                      .domain = domain_of(row.recipient),
                                                      .attempts = static_cast<std::uint16_t>(row.attempts),
                                                      .delay_reported = row.delay_reported,
                                                      .due = WallClock::now()});
    }
}

Task<Control::Answer> Control::suspend_destination(Arguments arguments, bool suspended) {
    RELEVO_CO_CHECK(check_members(arguments, {"destination", "reason"}));
    RELEVO_CO_TRY(const std::string given, required_text(arguments, "destination"));
    RELEVO_CO_TRY(const auto reason, text_member(arguments, "reason"));
    // With all that is asked of TLS for it.
    const std::string destination(usual_destination(to_lower(given)));
    RELEVO_CO_CHECK(co_await context_.store.spool().set_suspension(
        destination, suspended ? std::optional(reason.value_or("")) : std::nullopt));
    if (context_.dispatcher != nullptr) context_.dispatcher->suspend(destination, suspended);
    co_return json::object{{"destination", destination}, {"suspended", suspended}};
}

Task<Control::Answer> Control::show_message(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"id", "language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    RELEVO_CO_TRY(const std::string id, required_text(arguments, "id"));
    RELEVO_CO_TRY(const auto named, message_or_delivery(id));
    RELEVO_CO_TRY(const MessageRow message, co_await context_.store.spool().show(named.first));
    const auto directory = context_.directory();
    const Credential* credential = directory->credential(message.credential);
    json::array pending, timeline;
    const Live live = co_await live_facts_of(message.pending);
    for (const DeliveryRow& row : message.pending) pending.emplace_back(entry_of(row, live));
    for (const Event& event : message.events) timeline.emplace_back(timeline_entry(event, language));
    co_return json::object{
        {"id", message.id.text()},
        {"tenant", json_text_or_null(tenant_name(message.tenant))},
        {"credential", credential != nullptr ? json_text_or_null(credential->login) : json::value(nullptr)},
        {"stream", mail::name_of(message.stream)},
        {"pool", json_text_or_null(message.pool)},
        {"sender", message.sender},
        {"accepted_at", json_time(message.accepted_at)},
        {"size", message.size},
        {"recipients", message.recipients},
        {"pending", std::move(pending)},
        {"timeline", std::move(timeline)}};
}

// Links that let people in are for those people alone.
Task<Result<void>> Control::refuse_account_mail(MessageId id) {
    RELEVO_CO_TRY(const MessageRow message, co_await context_.store.spool().show(id));
    if (message.events.empty() || !is_account_mail(message.events.front().detail)) co_return Result<void>();
    co_return failure(ErrorKind::refused,
                      "this mail brings a user a link to choose a password, so its content is shown to nobody");
}

Task<Control::Answer> Control::message_content(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"id"}));
    RELEVO_CO_TRY(const std::string id, required_text(arguments, "id"));
    RELEVO_CO_TRY(const auto named, message_or_delivery(id));
    RELEVO_CO_CHECK(co_await refuse_account_mail(named.first));
    RELEVO_CO_TRY(const std::string content, co_await context_.store.spool().content_of(named.first));
    co_return json::object{{"content", encode_base64(content)}};
}

// HTML only on request: it is given out under rules of its own.
Task<Control::Answer> Control::message_preview(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"id", "html"}));
    RELEVO_CO_TRY(const std::string id, required_text(arguments, "id"));
    RELEVO_CO_TRY(const auto with_html, flag_member(arguments, "html"));
    RELEVO_CO_TRY(const auto named, message_or_delivery(id));
    RELEVO_CO_CHECK(co_await refuse_account_mail(named.first));
    RELEVO_CO_TRY(const std::string content, co_await context_.store.spool().content_of(named.first));
    mime::MessageView view = mime::view_message(content);
    json::array fields, files;
    for (auto& [name, value] : view.fields)
        fields.emplace_back(json::object{{"name", std::move(name)}, {"value", std::move(value)}});
    for (mime::AttachedFile& file : view.files)
        files.emplace_back(json::object{{"name", json_text_or_null(file.name)},
                                        {"type", std::move(file.type)},
                                        {"size", file.size},
                                        {"inline", file.is_inline}});
    json::object answer{{"fields", std::move(fields)},    {"text", json_text_or_null(view.text)},
                        {"has_html", !view.html.empty()}, {"files", std::move(files)},
                        {"size", content.size()},         {"cut", view.is_cut}};
    if (with_html.value_or(false)) answer["html"] = std::move(view.html);
    co_return answer;
}

}  // namespace relevo

// Why mail has not been delivered yet.
#include "app/relevo/control.h"
#include "app/relevo/json_arguments.h"
#include "app/relevo/queue_words.h"
#include "app/relevo/waiting.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <map>
#include <set>

namespace relevo {
namespace {

namespace json = boost::json;

// What is known of the destinations of some rows, and of the rows' turns.
struct Surroundings {
    std::map<std::string, DestinationStatus> destinations;
    std::map<DeliveryId, Standing> standings;
};

// One question to each engine.
Task<Surroundings> surroundings_of(const Dispatcher& dispatcher, const std::vector<DeliveryRow>& rows) {
    std::map<DeliveryEngine*, std::pair<std::set<DeliveryId>, std::set<std::string>>> questions;
    for (const DeliveryRow& row : rows) {
        const std::string key = dispatcher.destination_of(domain_of(row.recipient), flow_of(row)).first;
        auto& [ids, keys] = questions[&dispatcher.engine_of(key)];
        ids.insert(row.id);
        keys.insert(key);
    }
    Surroundings known;
    for (const auto& [engine, question] : questions) {
        Surroundings some = co_await on_shard<Surroundings>(engine->shard(), [engine, question] {
            Surroundings found{.destinations = {}, .standings = engine->standings(question.first, question.second)};
            for (const std::string& key : question.second)
                if (auto status = engine->destination(key)) found.destinations.emplace(key, *std::move(status));
            return found;
        });
        known.destinations.merge(some.destinations);
        known.standings.merge(some.standings);
    }
    co_return known;
}

// Why it was held the last time, in parentheses; empty if nobody said.
std::string reason_in(const std::vector<Event>& events, const DeliveryId& id) {
    std::string reason;
    for (const Event& event : events) {
        if (event.kind != EventKind::held || (event.ordinal != id.ordinal && event.ordinal != whole_message)) continue;
        boost::system::error_code problem;
        const json::value facts = json::parse(event.detail, problem);
        const json::value* said = !problem && facts.is_object() ? facts.get_object().if_contains("reason") : nullptr;
        reason = said != nullptr && said->is_string() ? fmt::format(" ({})", std::string_view(said->get_string())) : "";
    }
    return reason;
}

Waiting held(const DeliveryRow& row, const std::vector<Event>& events) {
    const std::string id = delivery_text(row.id);
    const std::string reason = reason_in(events, row.id);
    return {
        .reason = "held",
        .hindrance = {},
        .sentence = {fmt::format("It is held until somebody decides{}.", reason),
                     fmt::format("Está retenido hasta que alguien decida{}.", reason)},
        .until = std::nullopt,
        .command = {
            fmt::format("relevo queue release --id {0} lets it go, relevo queue drop --id {0} ends it.", id),
            fmt::format("relevo queue release --id {0} lo deja salir, relevo queue drop --id {0} lo descarta.", id)}};
}

Waiting waiting_for_quota(const DeliveryRow& row, WallClock::time_point now) {
    const std::string id = delivery_text(row.id);
    const std::string when = shaping::clock_time(row.due_at, now);
    return {.reason = "quota",
            .hindrance = {},
            .sentence = {fmt::format("{} was used up when it came; it goes at {}, by itself.", row.last_reply, when),
                         fmt::format("{} estaba agotada cuando llegó; saldrá a las {}, por sí solo.", row.last_reply,
                                     when)},
            .until = row.due_at,
            .command = {fmt::format("relevo queue release --id {} sends it now.", id),
                        fmt::format("relevo queue release --id {} lo envía ya.", id)}};
}

Waiting waiting_for_its_time(const DeliveryRow& row, WallClock::time_point now) {
    const std::string id = row.id.message.text();
    const std::string when = shaping::clock_time(row.due_at, now);
    return {.reason = "scheduled",
            .hindrance = {},
            .sentence = {fmt::format("Its sender asked for it to go at {}.", when),
                         fmt::format("Quien lo envía pidió que salga a las {}.", when)},
            .until = row.due_at,
            .command = {
                fmt::format("relevo message cancel {0} takes it back, relevo queue retry --id {0} sends it now.", id),
                fmt::format("relevo message cancel {0} lo anula, relevo queue retry --id {0} lo envía ya.", id)}};
}

Waiting retried_later(const DeliveryRow& row, WallClock::time_point now) {
    const std::string when = shaping::clock_time(row.due_at, now);
    const std::string_view reply = row.last_reply;
    return {
        .reason = "retry_later",
        .hindrance = {},
        .sentence = {fmt::format("The next attempt is due at {}, after {} so far. The last answer was: {}.", when,
                                 row.attempts == 1 ? "1 attempt" : fmt::format("{} attempts", row.attempts),
                                 reply.empty() ? "none" : reply),
                     fmt::format("El próximo intento es a las {}, tras {} hasta ahora. La última respuesta fue: {}.",
                                 when, row.attempts == 1 ? "1 intento" : fmt::format("{} intentos", row.attempts),
                                 reply.empty() ? "ninguna" : reply)},
        .until = row.due_at};
}

Waiting delivering(const std::string& destination) {
    return {.reason = "delivering",
            .hindrance = {},
            .sentence = {fmt::format("It is being delivered to {} right now.", destination),
                         fmt::format("Se está entregando a {} ahora mismo.", destination)},
            .until = std::nullopt};
}

Waiting stopping() {
    return {.reason = "stopping",
            .hindrance = {},
            .sentence = {"The server is stopping; delivery goes on when it is started again.",
                         "El servidor se está parando; la entrega sigue cuando arranque de nuevo."},
            .until = std::nullopt};
}

json::object finished(const std::string& id, MessageId message, mail::Language language) {
    const setup::Words sentence{
        fmt::format("Nothing of it waits any more: relevo message show {} tells what happened.", message.text()),
        fmt::format("Ya no espera nada de él: relevo message show {} cuenta qué pasó.", message.text())};
    return {{"id", id},
            {"recipient", nullptr},
            {"reason", "finished"},
            {"hindrance", nullptr},
            {"until", nullptr},
            {"sentence", sentence.in(language)},
            {"command", nullptr},
            {"meaning", nullptr},
            {"facts", json::object()}};
}

}  // namespace

Task<Control::Answer> Control::explain_queue(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"id", "language"}));
    RELEVO_CO_TRY(const mail::Language language, language_member(arguments, context_.default_language));
    arguments.erase("language");
    RELEVO_CO_TRY(const std::string id, required_text(arguments, "id"));
    RELEVO_CO_TRY(const std::vector<DeliveryRow> rows, co_await select(arguments, 0, longest_page));
    RELEVO_CO_TRY(const std::vector<Spool::Suspension> suspensions, co_await context_.store.spool().suspensions());
    RELEVO_CO_TRY(const auto named, message_or_delivery(id));
    // All rows are of one message. Errors: not_found – it never was here.
    RELEVO_CO_TRY(const MessageRow message, co_await context_.store.spool().show(named.first));
    const Live live = co_await live_facts_of(rows);
    const Surroundings known = co_await surroundings_of(*context_.dispatcher, rows);
    const auto now = WallClock::now();
    json::array answers;
    for (const DeliveryRow& row : rows) {
        const std::string key = context_.dispatcher->destination_of(domain_of(row.recipient), flow_of(row)).first;
        const auto found = known.destinations.find(key);
        const DestinationStatus* status = found != known.destinations.end() ? &found->second : nullptr;
        const auto place = known.standings.find(row.id);
        const Standing* standing = place != known.standings.end() ? &place->second : nullptr;
        Waiting waiting;
        if (row.state == DeliveryState::held)
            waiting = held(row, message.events);
        else if (live.active.contains(row.id))
            waiting = delivering(key);
        else if (context_.is_stopping())
            waiting = stopping();
        else if (is_scheduled(row))
            waiting = waiting_for_its_time(row, now);
        else if (is_for_quota(row))
            waiting = waiting_for_quota(row, now);
        else if (suspension_of(key, status, suspensions) == nullptr && row.due_at > now)
            waiting = retried_later(row, now);
        else
            waiting = why_due_mail_waits(key, status, standing, suspensions, now);
        json::object facts{{"destination", key},
                           {"site", status != nullptr ? json_text_or_null(status->site) : json::value(nullptr)},
                           {"source", standing != nullptr ? json::value(standing->source) : json::value(nullptr)},
                           {"state", entry_of(row, live).at("state")},
                           {"attempts", row.attempts},
                           {"next_attempt_at", json_time(row.due_at)},
                           {"last_reply", row.last_reply},
                           {"before", standing != nullptr ? json::value(standing->before) : json::value(nullptr)},
                           {"connections", status != nullptr ? status->connections : 0}};
        answers.emplace_back(json::object{{"id", delivery_text(row.id)},
                                          {"recipient", row.recipient},
                                          {"reason", waiting.reason},
                                          {"hindrance", json_text_or_null(waiting.hindrance)},
                                          {"until", waiting.until ? json_time(*waiting.until) : json::value(nullptr)},
                                          {"sentence", waiting.sentence.in(language)},
                                          {"command", json_text_or_null(waiting.command.in(language))},
                                          {"meaning", last_meaning(message.events, row.id, language)},
                                          {"facts", std::move(facts)}});
    }
    for (const Event& event : message.events)
        if (event.kind == EventKind::suppressed && answers.size() < default_page &&
            (!named.second || *named.second == event.ordinal))
            answers.emplace_back(answer_of_suppressed(named.first, event));
    if (answers.empty()) answers.emplace_back(finished(id, named.first, language));
    co_return json::object{{"answers", std::move(answers)}};
}

}  // namespace relevo

#include "core/shaping/permission.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>

namespace relevo::shaping {
namespace {

std::string_view unit_words(RateUnit unit, bool spanish) {
    switch (unit) {
        case RateUnit::second: return spanish ? "por segundo" : "a second";
        case RateUnit::minute: return spanish ? "por minuto" : "a minute";
        case RateUnit::hour: return spanish ? "por hora" : "an hour";
        case RateUnit::day: return spanish ? "por día" : "a day";
    }
    return "";
}

// Whole numbers without decimals; small rates with as many as tell something.
std::string number(double value) {
    if (value >= 100 || value == std::floor(value)) return fmt::format("{:.0f}", value);
    return value >= 1 ? fmt::format("{:.1f}", value) : fmt::format("{:.3f}", value);
}

std::string english(const Permission& permission, const std::string& path, const std::string& when) {
    const std::string amount = number(permission.amount);
    const std::string_view cause = bounces::name_of(permission.cause);
    switch (permission.hindrance) {
        case Hindrance::none: return "";
        case Hindrance::connections:
            return fmt::format("all {} connections {} are in use: the next opens when one ends", amount, path);
        case Hindrance::learned_connections:
            return fmt::format("the destination takes {} connections {}: the next opens when one ends", amount, path);
        case Hindrance::connection_rate:
            return fmt::format("{} new connections {} {} are reached: the next may open at {}", amount,
                               unit_words(permission.unit, false), path, when);
        case Hindrance::back_off: return fmt::format("connections {} failed: the next is tried at {}", path, when);
        case Hindrance::message_rate:
            return fmt::format("{} messages {} {} are reached: the next may go at {}", amount,
                               unit_words(permission.unit, false), path, when);
        case Hindrance::learned_rate:
            return fmt::format("the destination has been found to take {} messages a second {}: the next may go at {}",
                               amount, path, when);
        case Hindrance::pause:
            return fmt::format("mail {} waits, because the last answers were {}: one message tries again at {}", path,
                               cause, when);
        case Hindrance::probe: return fmt::format("mail {} waits for the answer to one message, after {}", path, cause);
        case Hindrance::block:
            return fmt::format("the destination refuses mail {} ({}): one message tries again at {}", path, cause,
                               when);
        case Hindrance::warm_up:
            return fmt::format("the {} messages of today's warm-up {} are used: closed until {}", amount, path, when);
    }
    return "";
}

std::string spanish(const Permission& permission, const std::string& path, const std::string& when) {
    const std::string amount = number(permission.amount);
    const std::string_view cause = bounces::name_of(permission.cause);
    switch (permission.hindrance) {
        case Hindrance::none: return "";
        case Hindrance::connections:
            return fmt::format("las {} conexiones {} están en uso: la próxima se abre cuando termine una", amount,
                               path);
        case Hindrance::learned_connections:
            return fmt::format("el destino acepta {} conexiones {}: la próxima se abre cuando termine una", amount,
                               path);
        case Hindrance::connection_rate:
            return fmt::format("se han alcanzado {} conexiones nuevas {} {}: la próxima puede abrirse a las {}", amount,
                               unit_words(permission.unit, true), path, when);
        case Hindrance::back_off:
            return fmt::format("han fallado conexiones {}: la próxima se intenta a las {}", path, when);
        case Hindrance::message_rate:
            return fmt::format("se han alcanzado {} mensajes {} {}: el próximo puede salir a las {}", amount,
                               unit_words(permission.unit, true), path, when);
        case Hindrance::learned_rate:
            return fmt::format(
                "se ha visto que el destino acepta {} mensajes por segundo {}: el próximo puede salir a las {}", amount,
                path, when);
        case Hindrance::pause:
            return fmt::format(
                "el correo {} espera, porque las últimas respuestas fueron {}: un mensaje prueba a las {}", path, cause,
                when);
        case Hindrance::probe:
            return fmt::format("el correo {} espera la respuesta a un mensaje, tras {}", path, cause);
        case Hindrance::block:
            return fmt::format("el destino rechaza el correo {} ({}): un mensaje prueba a las {}", path, cause, when);
        case Hindrance::warm_up:
            return fmt::format("los {} mensajes del calentamiento de hoy {} están usados: cerrado hasta las {}", amount,
                               path, when);
    }
    return "";
}

}  // namespace

std::string_view name_of(Hindrance hindrance) {
    switch (hindrance) {
        case Hindrance::none: return "none";
        case Hindrance::connections: return "connections";
        case Hindrance::learned_connections: return "learned_connections";
        case Hindrance::connection_rate: return "connection_rate";
        case Hindrance::back_off: return "back_off";
        case Hindrance::message_rate: return "message_rate";
        case Hindrance::learned_rate: return "learned_rate";
        case Hindrance::pause: return "pause";
        case Hindrance::probe: return "probe";
        case Hindrance::block: return "block";
        case Hindrance::warm_up: return "warm_up";
    }
    return "";
}

std::string clock_time(Time time, Time now) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time);
    const bool is_today = std::chrono::floor<std::chrono::days>(seconds) == std::chrono::floor<std::chrono::days>(now);
    return is_today ? fmt::format("{:%H:%M:%S} UTC", seconds) : fmt::format("{0:%H:%M:%S} UTC ({0:%Y-%m-%d})", seconds);
}

std::string explain(const Permission& permission, const PathNames& names, Time now, mail::Language language) {
    const bool in_spanish = language == mail::Language::spanish;
    const std::string path = in_spanish ? fmt::format("a {} desde {}", names.destination, names.source)
                                        : fmt::format("to {} from {}", names.destination, names.source);
    const std::string when = permission.until == never ? "" : clock_time(permission.until, now);
    return in_spanish ? spanish(permission, path, when) : english(permission, path, when);
}

}  // namespace relevo::shaping

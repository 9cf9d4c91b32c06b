#include "core/shaping/change_log.h"

#include <fmt/format.h>

#include <cmath>

namespace relevo::shaping {
namespace {

struct Words {
    std::string_view english;
    std::string_view spanish;
};

// {0}: from, {1}: to.
Words words_of(Change change, bool from_nothing) {
    switch (change) {
        case Change::rate_lowered:
            return from_nothing
                       ? Words{"slowed to {1} messages a second", "frenado a {1} mensajes por segundo"}
                       : Words{"slowed from {0} to {1} messages a second", "frenado de {0} a {1} mensajes por segundo"};
        case Change::rate_raised:
            return {"sped up from {0} to {1} messages a second", "acelerado de {0} a {1} mensajes por segundo"};
        case Change::rate_free:
            return {"took {0} messages a second: only the written limits count again",
                    "aceptó {0} mensajes por segundo: vuelven a contar solo los límites escritos"};
        case Change::connections_lowered:
            return from_nothing ? Words{"reduced to {1} connections", "reducido a {1} conexiones"}
                                : Words{"reduced from {0} to {1} connections", "reducido de {0} a {1} conexiones"};
        case Change::connections_raised:
            return {"raised from {0} to {1} connections", "ampliado de {0} a {1} conexiones"};
        case Change::paused:
            return {"paused for {1} s: nothing was accepted", "en pausa durante {1} s: no se aceptaba nada"};
        case Change::resumed: return {"resumed: a message was taken", "reanudado: se aceptó un mensaje"};
        case Change::blocked:
            return {"closed for {1} min: our address is refused",
                    "cerrado durante {1} min: se rechaza nuestra dirección"};
        case Change::reopened:
            return {"reopened: our address is not refused any more", "reabierto: ya no se rechaza nuestra dirección"};
        case Change::backed_off:
            return {"no connection for {1} s: the last ones failed",
                    "sin conexiones durante {1} s: las últimas fallaron"};
        case Change::warm_up_grew:
            return {"warm-up grew from {0} to {1} messages a day",
                    "el calentamiento crece de {0} a {1} mensajes al día"};
        case Change::warm_up_held:
            return {"warm-up stays at {1} messages a day", "el calentamiento sigue en {1} mensajes al día"};
        case Change::warm_up_shrank:
            return {"warm-up falls from {0} to {1} messages a day: yesterday was bad",
                    "el calentamiento baja de {0} a {1} mensajes al día: ayer fue mal"};
        case Change::warm_up_ended:
            return {"warm-up ended at {1} messages a day", "el calentamiento terminó en {1} mensajes al día"};
    }
    return {};
}

std::string number(float value) {
    if (value == std::floor(value)) return fmt::format("{:.0f}", value);
    return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.3f}", value);
}

}  // namespace

std::string_view name_of(Change change) {
    switch (change) {
        case Change::rate_lowered: return "rate_lowered";
        case Change::rate_raised: return "rate_raised";
        case Change::rate_free: return "rate_free";
        case Change::connections_lowered: return "connections_lowered";
        case Change::connections_raised: return "connections_raised";
        case Change::paused: return "paused";
        case Change::resumed: return "resumed";
        case Change::blocked: return "blocked";
        case Change::reopened: return "reopened";
        case Change::backed_off: return "backed_off";
        case Change::warm_up_grew: return "warm_up_grew";
        case Change::warm_up_held: return "warm_up_held";
        case Change::warm_up_shrank: return "warm_up_shrank";
        case Change::warm_up_ended: return "warm_up_ended";
    }
    return "";
}

std::string ChangeEntry::text(mail::Language language) const {
    const Words words = words_of(change, from == 0);
    const std::string_view pattern = language == mail::Language::spanish ? words.spanish : words.english;
    std::string text = fmt::format(fmt::runtime(pattern), number(from), number(to));
    if (cause != bounces::BounceClass::delivered) text += fmt::format(" ({})", bounces::name_of(cause));
    return text;
}

void ChangeLog::add(Time now, Change change, bounces::BounceClass cause, double from, double to) {
    const ChangeEntry entry{
        .second = static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count()),
        .change = change,
        .cause = cause,
        .from = static_cast<float>(from),
        .to = static_cast<float>(to)};
    ChangeEntry& last = entries_[(next_ + capacity - 1) % capacity];
    if (count_ > 0 && change == Change::rate_raised && last.change == Change::rate_raised) {
        last.second = entry.second;
        last.to = entry.to;
        return;
    }
    entries_[next_] = entry;
    next_ = static_cast<std::uint8_t>((next_ + 1) % capacity);
    if (count_ < capacity) ++count_;
}

std::vector<ChangeEntry> ChangeLog::entries() const {
    std::vector<ChangeEntry> list;
    for (std::size_t i = 0; i < count_; ++i) list.push_back(entries_[(next_ + capacity - count_ + i) % capacity]);
    return list;
}

}  // namespace relevo::shaping

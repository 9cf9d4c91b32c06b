// Settings of opens and clicks, and of statistics.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {
template <>
std::span<const Setting<TrackingSettings>> settings_of() {
    using S = TrackingSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::url>(
            "url",
            {"Address of an [[http]] listener as others see it, such as \"https://links.example.com\": links and "
             "images go there, and to the hosts of domains (--tracking-host) with the same scheme and port. "
             "Without it nothing is tracked.",
             "Dirección de un listener [[http]] vista desde fuera, como \"https://enlaces.example.com\": ahí "
             "van los enlaces e imágenes, y a los hosts de los dominios (--tracking-host) con el mismo "
             "esquema y puerto. Sin ella no se registra nada."},
            with_default({"none: nothing is tracked", "ninguna: no se registra nada"})),
        row<&S::opens>("opens", {"Notice that mail was opened, for domains that do not say.",
                                 "Registrar que se abre el correo, en los dominios que no digan otra cosa."}),
        row<&S::clicks>("clicks", {"Notice that links were followed, for domains that do not say.",
                                   "Registrar que se siguen los enlaces, en los dominios que no digan otra cosa."}),
        row<&S::streams>("streams",
                         {"Mail of which stream is tracked; a message that asks for it is tracked in any.",
                          "De qué flujo se registra el correo; un mensaje que lo pide se registra en cualquiera."}),
        row<&S::address>("address",
                         {"How much of a reader's address the history keeps: all, its network (/24 of IPv4, /48 of "
                          "IPv6), or nothing.",
                          "Cuánto de la dirección del lector guarda el historial: toda, su red (/24 de IPv4, /48 de "
                          "IPv6) o nada."}),
        row<&S::repeat_window>("repeat_window",
                               {"The same open or click again within this time is one event.",
                                "La misma apertura o clic repetido dentro de este tiempo es un solo evento."},
                               between(0, day)),
        row<&S::keep_links>("keep_links",
                            {"How long links work after the last mail with the same address.",
                             "Cuánto tiempo funcionan los enlaces tras el último correo con la misma dirección."},
                            between(day, 3650 * day)),
        row<&S::machines>(
            "machines",
            {"File of rules that tell people from programs (docs/formats/machines.md), in place of the "
             "built-in ones. One with a mistake is refused, and what was in force stays.",
             "Archivo de reglas que distinguen personas de programas (docs/formats/machines.md), en lugar "
             "de las incorporadas. Si tiene un error se rechaza y sigue en vigor lo anterior."},
            {.default_words = {"the built-in ones", "las incorporadas"}, .names_file = true}),
    };
    return settings;
}

template <>
std::span<const Setting<StatisticsSettings>> settings_of() {
    using S = StatisticsSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::keep_minutes>(
            "keep_minutes",
            {"How long statistics tell single minutes.", "Cuánto tiempo se distinguen minutos en las estadísticas."},
            between(hour, 31 * day)),
        row<&S::keep_hours>("keep_hours", {"How long they tell single hours.", "Cuánto tiempo se distinguen horas."},
                            between(day, 731 * day)),
        row<&S::keep_days>("keep_days", {"How long they are kept at all.", "Cuánto tiempo se guardan."},
                           between(day, 36'500 * day)),
    };
    return settings;
}

}  // namespace relevo::configuration

// Settings of what comes back: bounces, complaints, suppression.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {
template <>
std::span<const Setting<SuppressionSettings>> settings_of() {
    using S = SuppressionSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::smtp>("smtp",
                      {"What a program hears that sends to a suppressed address: `drop` accepts the message and leaves "
                       "this recipient out, which the history tells; `refuse` answers 550 to RCPT, where some programs "
                       "give up the other recipients too.",
                       "Qué se responde a un programa que envía a una dirección suprimida: `drop` acepta el mensaje y "
                       "omite a ese destinatario, como cuenta el historial; `refuse` responde 550 a RCPT, con lo que "
                       "algunos programas abandonan también a los demás destinatarios."}),
        row<&S::hard_bounces>("hard_bounces", {"Suppress an address at its first hard bounce.",
                                               "Suprimir una dirección en su primer rebote definitivo."}),
        row<&S::soft_bounces>(
            "soft_bounces",
            {"Suppress an address after so many messages that came back in soft_bounce_period for reasons that should "
             "pass, such as a full mailbox; 0: never.",
             "Suprimir una dirección tras tantos mensajes devueltos en soft_bounce_period por motivos que deberían "
             "pasar, como un buzón lleno; 0: nunca."},
            zero_or(1, 1000)),
        row<&S::soft_bounce_period>(
            "soft_bounce_period",
            {"Over which soft bounces are counted.", "Período en el que se cuentan los rebotes temporales."},
            between(day, 365 * day)),
        row<&S::keep_hard_bounces>("keep_hard_bounces",
                                   {"How long a hard bounce suppresses; \"0s\": for ever.",
                                    "Cuánto tiempo suprime un rebote definitivo; \"0s\": para siempre."},
                                   zero_or(hour, 3650 * day)),
        row<&S::keep_soft_bounces>("keep_soft_bounces",
                                   {"How long repeated soft bounces suppress; \"0s\": for ever.",
                                    "Cuánto tiempo suprimen los rebotes temporales repetidos; \"0s\": para siempre."},
                                   zero_or(hour, 3650 * day)),
        row<&S::keep_complaints>("keep_complaints",
                                 {"How long a complaint suppresses; \"0s\": for ever.",
                                  "Cuánto tiempo suprime una queja; \"0s\": para siempre."},
                                 zero_or(hour, 3650 * day)),
        row<&S::keep_unsubscribes>("keep_unsubscribes",
                                   {"How long an unsubscription suppresses; \"0s\": for ever.",
                                    "Cuánto tiempo suprime una baja; \"0s\": para siempre."},
                                   zero_or(hour, 3650 * day)),
    };
    return settings;
}

}  // namespace relevo::configuration

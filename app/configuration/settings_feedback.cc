// Settings of what comes back: bounces, complaints, suppression.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {
template <>
std::span<const Setting<FeedbackSettings>> settings_of() {
    using S = FeedbackSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::return_path_domain>(
            "return_path_domain",
            {"A domain of yours that mail comes back to if its sender's domain has no sub-domain for that (relevo "
             "domain set --return-path); its MX is this server, and its SPF record lets it send.",
             "Un dominio propio al que vuelve el correo si el dominio del remitente no tiene un subdominio para ello "
             "(relevo domain set --return-path); su MX es este servidor y su registro SPF le permite enviar."},
            with_default({"none: mail comes back to its sender", "ninguno: el correo vuelve a su remitente"})),
        row<&S::addresses>(
            "addresses",
            {"Mailboxes that get complaints (feedback loops) and bounces: mail to them is delivered as any other, and "
             "read too; only what is about a message that really went out counts.",
             "Buzones que reciben quejas (feedback loops) y rebotes: el correo a ellos se entrega como cualquier otro "
             "y "
             "además se lee; solo cuenta lo que trata de un mensaje que salió de verdad."},
            with_default({"none", "ninguno"})),
        row<&S::pass_on>("pass_on",
                         {"Pass bounces and answers that came to a return path on to whom the message was from, as if "
                          "there were no return path; complaints never are.",
                          "Reenviar los rebotes y respuestas que llegan a una dirección de rebotes al remitente del "
                          "mensaje, como si esta no existiera; las quejas, nunca."}),
        row<&S::unsubscribe_url>(
            "unsubscribe_url",
            {"Address of an [[http]] listener as others see it, such as \"https://links.example.com\": mail of the "
             "stream `bulk` to one recipient then gets links for one click (RFC 8058).",
             "Dirección de un listener [[http]] vista desde fuera, como \"https://enlaces.example.com\": el correo del "
             "flujo `bulk` a un solo destinatario lleva entonces enlaces de baja en un clic (RFC 8058)."},
            with_default({"none: by mail alone", "ninguna: solo por correo"})),
        row<&S::message_size>(
            "message_size", {"Largest mail to a return path.", "Tamaño máximo del correo a una dirección de rebotes."},
            between(64 * 1024, 50 * mega)),
    };
    return settings;
}

template <>
std::span<const Setting<HttpSettings>> settings_of() {
    using S = HttpSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::address>("address", {"Where to listen; at least one.", "Dónde escuchar; al menos una dirección."},
                         restart),
        row<&S::tls>("tls",
                     {"With the certificates of [tls]; false behind a proxy of yours that speaks TLS.",
                      "Con los certificados de [tls]; false detrás de un proxy propio que hable TLS."},
                     restart),
        row<&S::max_connections>(
            "max_connections",
            {"Open connections; more are closed at once.", "Conexiones abiertas; las demás se cierran enseguida."},
            {.bounds = {1, 100'000}, .effect = TakesEffect::on_restart}),
        row<&S::api>("api",
                     {"Whether the HTTP API answers here, at /api/v1; /api/openapi.json describes it.",
                      "Si la API HTTP responde aquí, en /api/v1; /api/openapi.json la describe."},
                     restart),
        row<&S::console>("console",
                         {"Whether the web console answers here, at /; it needs the API.",
                          "Si la consola web responde aquí, en /; necesita la API."},
                         restart),
        row<&S::requests_per_second>("requests_per_second",
                                     {"Requests of one API key; for a moment twice as many. 0: no limit.",
                                      "Peticiones de una clave de API; por un momento, el doble. 0: sin límite."},
                                     {.bounds = {0, 1'000'000}, .effect = TakesEffect::on_restart}),
    };
    return settings;
}

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

template <>
std::span<const Setting<ConductSettings>> settings_of() {
    using S = ConductSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::window>("window",
                        {"Over which bounces and complaints are counted, in whole hours.",
                         "Período en el que se cuentan rebotes y quejas, en horas enteras."},
                        between(hour, 7 * day)),
        row<&S::minimum_recipients>("minimum_recipients",
                                    {"With fewer recipients in the window nobody is judged.",
                                     "Con menos destinatarios en la ventana no se juzga a nadie."},
                                    between(10, 1'000'000'000)),
        row<&S::bounces_warn>(
            "bounces_warn",
            {"Share of its recipients that bounced for good in the window from which people are told; 0: never.",
             "Proporción de destinatarios que rebotan definitivamente en la ventana a partir de la cual se avisa; 0: "
             "nunca."},
            zero_or(0.0001, 1)),
        row<&S::bounces_slow>("bounces_slow",
                              {"Share of its recipients that bounced for good in the window from which its mail is "
                               "slowed down to slow_rate; 0: never.",
                               "Proporción de destinatarios que rebotan definitivamente en la ventana a partir de la "
                               "cual su correo se frena a slow_rate; 0: nunca."},
                              zero_or(0.0001, 1)),
        row<&S::bounces_hold>("bounces_hold",
                              {"Share of its recipients that bounced for good in the window from which new mail is "
                               "held until `relevo tenant release`; 0: never.",
                               "Proporción de destinatarios que rebotan definitivamente en la ventana a partir de la "
                               "cual el correo nuevo se retiene hasta `relevo tenant release`; 0: nunca."},
                              zero_or(0.0001, 1)),
        row<&S::complaints_warn>(
            "complaints_warn",
            {"Share of its recipients that complained in the window from which people are told; 0: never.",
             "Proporción de destinatarios que se quejan en la ventana a partir de la cual se avisa; 0: nunca."},
            zero_or(0.0001, 1)),
        row<&S::complaints_slow>("complaints_slow",
                                 {"Share of its recipients that complained in the window from which its mail is slowed "
                                  "down to slow_rate; 0: never.",
                                  "Proporción de destinatarios que se quejan en la ventana a partir de la cual su "
                                  "correo se frena a slow_rate; 0: nunca."},
                                 zero_or(0.0001, 1)),
        row<&S::complaints_hold>("complaints_hold",
                                 {"Share of its recipients that complained in the window from which new mail is held "
                                  "until `relevo tenant release`; 0: never.",
                                  "Proporción de destinatarios que se quejan en la ventana a partir de la cual el "
                                  "correo nuevo se retiene hasta `relevo tenant release`; 0: nunca."},
                                 zero_or(0.0001, 1)),
        row<&S::slow_rate>("slow_rate",
                           {"Recipients a minute to each site of a tenant that is slowed down.",
                            "Destinatarios por minuto a cada sitio de un cliente frenado."},
                           between(1, 1'000'000)),
        row<&S::held_mail>("held_mail",
                           {"New mail of a held tenant: `hold` accepts it and keeps it in the queue; `refuse` answers "
                            "450, so that its servers keep it.",
                            "Correo nuevo de un cliente retenido: `hold` lo acepta y lo guarda en la cola; `refuse` "
                            "responde 450, de modo que lo guardan sus servidores."}),
    };
    return settings;
}

}  // namespace relevo::configuration

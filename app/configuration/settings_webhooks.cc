// Settings of webhooks and accounts.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {
template <>
std::span<const Setting<WebhookSettings>> settings_of() {
    using S = WebhookSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::allow_http>("allow_http", {"Take http:// addresses too: whoever is on the way reads along.",
                                           "Aceptar también direcciones http://: quien esté en el camino lo lee."}),
        row<&S::allow_private_addresses>(
            "allow_private_addresses",
            {"Post to loopback and private addresses too. Only if every tenant may reach what is there.",
             "Enviar también a direcciones de loopback y privadas. Solo si todo cliente puede llegar a lo que hay "
             "ahí."}),
        row<&S::waiting>("waiting",
                         {"How many deliveries may wait for one webhook; the oldest of more are given up.",
                          "Cuántas entregas pueden esperar por webhook; si hay más, se abandonan las más viejas."},
                         between(10, 10'000'000)),
        row<&S::keep_log>("keep_log",
                          {"How long deliveries and the log of attempts are kept.",
                           "Cuánto tiempo se guardan las entregas y el registro de intentos."},
                          between(4 * day, 90 * day)),
        row<&S::disable_after>("disable_after",
                               {"A webhook with nothing but failures for so long is switched off.",
                                "Un webhook que solo falla durante este tiempo se desactiva."},
                               between(day, 90 * day)),
    };
    return settings;
}

template <>
std::span<const Setting<AccountSettings>> settings_of() {
    using S = AccountSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::mail_from>(
            "mail_from",
            {"Address that invitations and links for a new password come from. Signed by the keys of its domain; "
             "without any it goes unsigned. If there is none, whoever invites is shown the link instead.",
             "Dirección de la que salen las invitaciones y los enlaces para una nueva contraseña. Se firma con las "
             "claves de su dominio; sin ellas sale sin firmar. Si no hay dirección, quien invita ve el enlace."},
            with_default({"no-reply@ and signing.service_domain, once its keys sign",
                          "no-reply@ y signing.service_domain, cuando sus claves firmen"})),
        row<&S::console_url>(
            "console_url",
            {"Address of the console as people type it, if a proxy stands before it: for links in mail and for the "
             "redirect URI of [[oidc]]. https, without a path.",
             "Dirección de la consola tal como se escribe, si hay un proxy delante: para los enlaces de los correos y "
             "la "
             "URI de redirección de [[oidc]]. https, sin ruta."},
            with_default({"server.host_name and the port of [[http]]", "server.host_name y el puerto de [[http]]"})),
    };
    return settings;
}

}  // namespace relevo::configuration

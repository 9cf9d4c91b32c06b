// Settings of certificates that come by themselves.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {
template <>
std::span<const Setting<AcmeSettings>> settings_of() {
    using S = AcmeSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::enabled>("enabled",
                         {"Get certificates and renew them. It says that you agree to the authority's terms.",
                          "Obtener certificados y renovarlos. Supone aceptar los términos de la autoridad."}),
        row<&S::directory>("directory", {"Address of the authority's directory; the default is Let's Encrypt.",
                                         "Dirección del directorio de la autoridad; por defecto, Let's Encrypt."}),
        row<&S::contact>("contact",
                         {"Mail addresses for the authority, which may write before a certificate ends.",
                          "Direcciones de correo para la autoridad, que puede avisar antes de que caduque uno."}),
        row<&S::names>(
            "names",
            {"Names that get a certificate, each its own. Without any: server.host_name, the hosts of "
             "tracking.url and feedback.unsubscribe_url, and the tracking hosts of domains, unless a "
             "certificate of [tls] covers them.",
             "Nombres que obtienen un certificado, cada uno el suyo. Si no hay: server.host_name, los hosts "
             "de tracking.url y feedback.unsubscribe_url y los de seguimiento de los dominios, salvo los que "
             "cubra un certificado de [tls]."},
            with_default({"those that clients use", "los que usan los clientes"})),
        row<&S::challenge>(
            "challenge", {"How the authority sees that a name is ours: http-01 on port 80, tls-alpn-01 on port 443 "
                          "([[http]] sections), or dns-01 by a program of yours.",
                          "Cómo comprueba la autoridad que un nombre es nuestro: http-01 en el puerto 80, tls-alpn-01 "
                          "en el 443 (secciones [[http]]) o dns-01 con un programa propio."}),
        row<&S::hook>(
            "hook",
            {"Program for dns-01, called as HOOK add|remove NAME VALUE: it sets or removes a TXT record.",
             "Programa para dns-01, llamado como HOOK add|remove NOMBRE VALOR: pone o quita un registro TXT."},
            {.names_file = true}),
        row<&S::hook_time_limit>("hook_time_limit", {"How long the hook may take.", "Cuánto puede tardar el programa."},
                                 between(1, hour)),
        row<&S::dns_wait>(
            "dns_wait",
            {"How long the zone's name servers may need until all of them have what the hook has set; they "
             "are asked again and again. 0: they are not asked.",
             "Cuánto pueden tardar todos los servidores de la zona en tener lo que puso el programa; se "
             "les pregunta una y otra vez. 0: no se les pregunta."},
            between(0, hour)),
        row<&S::trust_file>(
            "trust_file",
            {"PEM file with the certificates to trust when the authority is asked: for one of your own.",
             "Archivo PEM con los certificados en los que confiar al llamar a la autoridad, si es propia."},
            {.default_words = {"the system's", "los del sistema"}, .names_file = true}),
        row<&S::renew_before>(
            "renew_before",
            {"How long before its end a certificate is renewed, at most half of its life.",
             "Cuánto antes de que caduque se renueva un certificado, como mucho la mitad de su vida."},
            {.bounds = {hour, 365 * day, true}, .default_words = {"a third of its life", "un tercio de su vida"}}),
        row<&S::orders_per_hour>("orders_per_hour",
                                 {"Most orders in one hour, renewals and failures included.",
                                  "Máximo de pedidos por hora, con renovaciones y fallos."},
                                 between(1, 300)),
        row<&S::eab_key_id>("eab_key_id",
                            {"Key id of an account made at the authority before, if it wants one (external account).",
                             "Identificador de una cuenta creada antes en la autoridad, si lo pide (cuenta externa)."}),
        row<&S::eab_key_file>(
            "eab_key_file",
            {"File with the key of that account, in base64url.", "Archivo con la clave de esa cuenta, en base64url."},
            {.names_file = true}),
    };
    return settings;
}

}  // namespace relevo::configuration

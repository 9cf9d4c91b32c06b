#include "app/configuration/setting_row.h"

namespace relevo::configuration {

template <>
std::span<const Setting<ServerSettings>> settings_of() {
    using S = ServerSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::host_name>(
            "host_name",
            {"The full name of this server, as its PTR record says; used in the greeting, EHLO, Received "
             "and reports.",
             "El nombre completo de este servidor, igual que su registro PTR; se usa en el saludo, EHLO, "
             "Received e informes."},
            {.effect = TakesEffect::on_restart,
             .default_words = {"the system's full name", "el nombre completo del sistema"}}),
        row<&S::data_dir>(
            "data_dir",
            {"Folder of the store: rows and message bodies.", "Carpeta del almacén: filas y cuerpos de mensajes."},
            restart),
        row<&S::run_dir>("run_dir", {"Folder of the control socket.", "Carpeta del socket de control."}, restart),
        row<&S::shards>("shards",
                        {"Threads that carry mail; 0 means one for each processor.",
                         "Hilos que mueven el correo; 0 significa uno por procesador."},
                        {.bounds = {0, 256}, .effect = TakesEffect::on_restart}),
        row<&S::user>("user",
                      {"When started as root, the user to become after the ports are open.",
                       "Si arranca como root, el usuario al que cambia una vez abiertos los puertos."},
                      {.effect = TakesEffect::on_restart, .default_words = {"stay who we are", "no cambia"}}),
        row<&S::group>(
            "group", {"The group to become with `user`.", "El grupo al que cambia junto con `user`."},
            {.effect = TakesEffect::on_restart, .default_words = {"the user's group", "el grupo del usuario"}}),
        row<&S::language>("language", {"Language of reports to senders, for tenants that chose none.",
                                       "Idioma de los informes a remitentes, para quien no haya elegido otro."}),
        row<&S::drain_time>("drain_time",
                            {"How long a stop waits for sessions and deliveries in progress.",
                             "Cuánto espera una parada a las sesiones y entregas en curso."},
                            between(0, hour)),
        row<&S::filter_system_calls>(
            "filter_system_calls",
            {"Make no system calls after the start but those that a mail relay has need of (seccomp); an intruder who "
             "tries others ends the process. `false` only for looking for faults with a debugger, or where the kernel "
             "cannot.",
             "No hacer tras el arranque más llamadas al sistema que las que necesita un servidor de correo (seccomp); "
             "un intruso que pruebe otras termina el proceso. `false` solo para buscar fallos con un depurador, o si "
             "el núcleo no puede."},
            restart),
    };
    return settings;
}

template <>
std::span<const Setting<ListenerSettings>> settings_of() {
    using S = ListenerSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::name>("name", {"A name for logs and metrics.", "Un nombre para los registros y las métricas."},
                      with_default({"role and port, such as submission-587", "función y puerto, como submission-587"})),
        row<&S::address>("address", {"Where to listen; at least one.", "Dónde escuchar; al menos una dirección."},
                         restart),
        row<&S::role>("role", {"`submission` takes mail from people and programs (RFC 6409); `relay` takes it from "
                               "other servers.",
                               "`submission` recibe correo de personas y programas (RFC 6409); `relay`, de otros "
                               "servidores."}),
        row<&S::tls>("tls", {"`starttls` offers TLS, `implicit` begins with it (port 465), `none` has none.",
                             "`starttls` ofrece TLS, `implicit` empieza con él (puerto 465), `none` no lo tiene."}),
        row<&S::auth>("auth", {"Whether clients must, may or cannot log in.",
                               "Si los clientes deben, pueden o no pueden identificarse."}),
        row<&S::plaintext_auth>("plaintext_auth",
                                {"Allow passwords without TLS; anyone on the way can read them.",
                                 "Permitir contraseñas sin TLS; cualquiera en el camino puede leerlas."}),
        row<&S::require_tls>("require_tls", {"Refuse MAIL before TLS.", "Rechazar MAIL antes de TLS."}),
        row<&S::networks>("networks",
                          {"Only clients of these networks are served.", "Solo se atiende a clientes de estas redes."},
                          with_default({"everybody", "todos"})),
        row<&S::proxy_networks>(
            "proxy_networks",
            {"Load balancers here, and only they, begin with a PROXY v1 or v2 header.",
             "Los balanceadores de estas redes, y solo ellos, empiezan con una cabecera PROXY v1 o v2."}),
        row<&S::bare_newlines_from>(
            "bare_newlines_from", {"Old devices here may end lines with a bare CR or LF, which is repaired; all others "
                                   "are refused, since it allows smuggling.",
                                   "Los aparatos antiguos de estas redes pueden acabar las líneas con CR o LF sueltos, "
                                   "que se reparan; a los demás se les rechazan, porque permiten colar mensajes."}),
        row<&S::max_connections>("max_connections", {"Connections at once.", "Conexiones simultáneas."},
                                 between(1, 1'000'000)),
        row<&S::max_connections_per_address>("max_connections_per_address",
                                             {"Connections at once from one address (IPv6: from one /64).",
                                              "Conexiones simultáneas desde una dirección (IPv6: desde un /64)."},
                                             between(1, 1'000'000)),
    };
    return settings;
}

template <>
std::span<const Setting<LimitSettings>> settings_of() {
    using S = LimitSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::message_size>(
            "message_size",
            {"Largest message, announced with SIZE (RFC 1870).", "Mensaje más grande, anunciado con SIZE (RFC 1870)."},
            between(65536, tera)),
        row<&S::recipients>("recipients", {"Recipients of one message.", "Destinatarios de un mensaje."},
                            between(100, 100'000)),
        row<&S::errors>(
            "errors",
            {"Refused commands before the connection is closed.", "Órdenes rechazadas antes de cerrar la conexión."},
            between(1, 1000)),
        row<&S::hops>("hops",
                      {"Received fields at which mail is taken for a loop.",
                       "Campos Received a partir de los que se considera un bucle."},
                      between(10, 1000)),
        row<&S::command_line>("command_line", {"Longest command line.", "Línea de orden más larga."},
                              between(512, 65536)),
        row<&S::auth_line>("auth_line",
                           {"Longest line during AUTH (RFC 4954 §4).", "Línea más larga durante AUTH (RFC 4954 §4)."},
                           between(1024, 65536)),
        row<&S::content_line>("content_line",
                              {"Longest line of a message; 0 lets any length through.",
                               "Línea más larga de un mensaje; 0 deja pasar cualquiera."},
                              zero_or(1000, mega)),
        row<&S::command_timeout>("command_timeout", {"Wait for the next command.", "Espera de la siguiente orden."},
                                 between(1, hour)),
        row<&S::data_timeout>("data_timeout",
                              {"Wait for the next block of a message.", "Espera del siguiente bloque de un mensaje."},
                              between(1, hour)),
        row<&S::transaction_time>(
            "transaction_time",
            {"Longest time from MAIL to the end of the message.", "Tiempo máximo desde MAIL hasta el fin del mensaje."},
            between(minute, day)),
        row<&S::session_time>("session_time", {"Longest time of one connection.", "Tiempo máximo de una conexión."},
                              between(minute, 7 * day)),
        row<&S::minimum_data_rate>("minimum_data_rate",
                                   {"Octets a second below which a message is given up; \"0B\" never.",
                                    "Octetos por segundo por debajo de los que se abandona un "
                                    "mensaje; \"0B\" nunca."},
                                   zero_or(1, mega)),
    };
    return settings;
}

template <>
std::span<const Setting<TlsSettings>> settings_of() {
    using S = TlsSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::certificate>(
            "certificate",
            {"PEM file with the certificate and its chain.", "Archivo PEM con el certificado y su cadena."},
            {.default_words = {"a self-signed one made in data_dir", "uno autofirmado, creado en data_dir"},
             .names_file = true}),
        row<&S::key>(
            "key",
            {"PEM file with the certificate's private key.", "Archivo PEM con la clave privada del certificado."},
            {.default_words = {"made with the certificate", "creada con el certificado"}, .names_file = true}),
        row<&S::minimum_version>("minimum_version",
                                 {"Oldest TLS version that clients may use (RFC 9325).",
                                  "Versión de TLS más antigua que pueden usar los clientes (RFC 9325)."}),
    };
    return settings;
}

template <>
std::span<const Setting<CertificateSettings>> settings_of() {
    using S = CertificateSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::certificate>(
            "certificate",
            {"PEM file with the certificate and its chain.", "Archivo PEM con el certificado y su cadena."},
            {.names_file = true}),
        row<&S::key>(
            "key",
            {"PEM file with the certificate's private key.", "Archivo PEM con la clave privada del certificado."},
            {.names_file = true}),
    };
    return settings;
}

template <>
std::span<const Setting<QueueSettings>> settings_of() {
    using S = QueueSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::retry_schedule>("retry_schedule",
                                {"Waits after the first, second, … attempt; the last one repeats.",
                                 "Esperas tras el primer, segundo, … intento; la última se repite."},
                                between(1, 7 * day)),
        row<&S::jitter>(
            "jitter",
            {"Each wait varies by this share, up and down.", "Cada espera varía en esta proporción, arriba y abajo."},
            between(0, 0.5)),
        row<&S::expire_after>("expire_after",
                              {"When mail is returned to its sender.", "Cuándo se devuelve el correo a su remitente."},
                              between(minute, 30 * day)),
        row<&S::expire_reports_after>("expire_reports_after",
                                      {"When mail with an empty sender, such as reports, is given up.",
                                       "Cuándo se abandona el correo sin remitente, como los informes."},
                                      between(minute, 30 * day)),
        row<&S::delay_warning_after>("delay_warning_after",
                                     {"When the sender is told that mail still waits; \"0s\" never.",
                                      "Cuándo se avisa al remitente de que su correo sigue "
                                      "esperando; \"0s\" nunca."},
                                     zero_or(minute, 30 * day)),
        row<&S::disk_reserve>(
            "disk_reserve",
            {"Free space below which new mail is refused with 452. The default is lower on a disk under 5 GiB.",
             "Espacio libre por debajo del que se rechaza correo nuevo con 452. El valor "
             "predeterminado es menor en discos de menos de 5 GiB."},
            between(mega, tera)),
        row<&S::keep_history>("keep_history",
                              {"How long the history of finished messages can be looked at.",
                               "Cuánto tiempo puede consultarse el historial de mensajes terminados."},
                              between(day, 3650 * day)),
    };
    return settings;
}

template <>
std::span<const Setting<DeliverySettings>> settings_of() {
    using S = DeliverySettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::connections_total>(
            "connections_total",
            {"Connections to other servers at once.", "Conexiones simultáneas con otros servidores."},
            between(1, 100'000)),
        row<&S::connections_per_site>(
            "connections_per_site",
            {"Connections to one destination at once.", "Conexiones simultáneas con un destino."}, between(1, 10'000)),
        row<&S::messages_per_connection>(
            "messages_per_connection",
            {"Messages before a connection is closed.", "Mensajes antes de cerrar una conexión."}, between(1, 100'000)),
        row<&S::recipients_per_transaction>(
            "recipients_per_transaction",
            {"Recipients that one transaction carries.", "Destinatarios que lleva una transacción."}, between(1, 1000)),
        row<&S::idle_timeout>("idle_timeout",
                              {"How long an idle connection is kept for more mail.",
                               "Cuánto se conserva una conexión sin uso por si hay más correo."},
                              between(0, 5 * minute)),
        row<&S::connect_timeout>("connect_timeout", {"Wait for a connection.", "Espera de una conexión."},
                                 between(1, hour)),
        row<&S::greeting_timeout>("greeting_timeout", {"Wait for the greeting.", "Espera del saludo."},
                                  between(1, hour)),
        row<&S::command_timeout>(
            "command_timeout",
            {"Wait for the reply to MAIL, RCPT and others.", "Espera de la respuesta a MAIL, RCPT y otras."},
            between(1, hour)),
        row<&S::data_start_timeout>(
            "data_start_timeout", {"Wait for the reply to DATA.", "Espera de la respuesta a DATA."}, between(1, hour)),
        row<&S::data_block_timeout>(
            "data_block_timeout",
            {"Wait until a block of a message is taken.", "Espera hasta que se acepta un bloque de un mensaje."},
            between(1, hour)),
        row<&S::data_end_timeout>("data_end_timeout",
                                  {"Wait for the reply after the message.", "Espera de la respuesta tras el mensaje."},
                                  between(1, hour)),
        row<&S::port>("port",
                      {"Port of the servers that MX records name; other than 25 only for trying things.",
                       "Puerto de los servidores que indican los registros MX; distinto de 25 solo para pruebas."},
                      between(1, 65535)),
        row<&S::ipv6>("ipv6", {"Connect over IPv6 too.", "Conectar también por IPv6."}),
        row<&S::dane>("dane",
                      {"Hold mail servers to the certificates that their TLSA records name, where DNSSEC vouches for "
                       "them (RFC 7672).",
                       "Exigir a los servidores los certificados que nombran sus registros TLSA, si DNSSEC los avala "
                       "(RFC 7672)."}),
        row<&S::mta_sts>("mta_sts", {"Heed the MTA-STS policies of recipients' domains (RFC 8461).",
                                     "Respetar las políticas MTA-STS de los dominios de destino (RFC 8461)."}),
        row<&S::allow_private_addresses>(
            "allow_private_addresses",
            {"Deliver to private and loopback addresses; else only routes that allow it do.",
             "Entregar en direcciones privadas y locales; si no, solo lo hacen las rutas que "
             "lo permiten."}),
        row<&S::source_addresses>("source_addresses",
                                  {"Own addresses to send from, one of each family.",
                                   "Direcciones propias desde las que enviar, una de cada familia."},
                                  with_default({"the system's choice", "las que elija el sistema"})),
        row<&S::ehlo_name>("ehlo_name", {"Name given in EHLO.", "Nombre que se da en EHLO."},
                           with_default({"server.host_name", "server.host_name"})),
        row<&S::pool>(
            "pool", {"Pool for mail that no other takes.", "Grupo para el correo que no toma ningún otro."},
            with_default({"`default`, of the one source `default`", "`default`, del único origen `default`"})),
        row<&S::bounce_patterns>("bounce_patterns",
                                 {"File with the words of servers that refuse mail (docs/formats/bounce-patterns.md), "
                                  "in place of the built-in ones. One with a mistake is refused, and what was in force "
                                  "stays.",
                                  "Archivo con lo que dicen los servidores que rechazan correo "
                                  "(docs/formats/bounce-patterns.md), en lugar de lo incorporado. Si tiene un error se "
                                  "rechaza y sigue en vigor lo anterior."},
                                 {.default_words = {"the built-in ones", "lo incorporado"}, .names_file = true}),
        row<&S::shaping>(
            "shaping",
            {"File with limits for destinations, sources and tenants (docs/formats/shaping.md); they "
             "outweigh those that come with Relevo. One with a mistake is refused, and what was in force "
             "stays.",
             "Archivo con límites por destino, origen e inquilino (docs/formats/shaping.md); pesan más que "
             "los que trae Relevo. Si tiene un error se rechaza y sigue en vigor lo anterior."},
            {.default_words = {"those that come with Relevo", "los que trae Relevo"}, .names_file = true}),
    };
    return settings;
}

template <>
std::span<const Setting<RouteSettings>> settings_of() {
    using S = RouteSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::name>("name", {"A name for logs, limits and `queue` commands; required.",
                               "Un nombre para registros, límites y órdenes `queue`; obligatorio."}),
        row<&S::domains>("domains",
                         {"Recipient domains: \"example.com\", \".example.com\" for all below it, \"*\" for all; "
                          "required.",
                          "Dominios de destinatarios: \"example.com\", \".example.com\" para todos los que "
                          "cuelgan de él, \"*\" para todos; obligatorio."}),
        row<&S::tenants>(
            "tenants",
            {"Names of the tenants whose mail goes this way.", "Nombres de los inquilinos cuyo correo va por aquí."},
            with_default({"every tenant", "todos los inquilinos"})),
        row<&S::kind>("kind",
                      {"`mx`: by MX records; `smarthost`, `lmtp`: to one host; `bounce`: refuse; `discard`: take "
                       "and forget; `hold`: keep until a person decides.",
                       "`mx`: por registros MX; `smarthost`, `lmtp`: a un equipo; `bounce`: rechazar; `discard`: "
                       "aceptar y olvidar; `hold`: guardar hasta que decida una persona."}),
        row<&S::host>("host", {"Name or IP address of the smarthost or LMTP server.",
                               "Nombre o dirección IP del smarthost o servidor LMTP."}),
        row<&S::port>("port", {"Its port.", "Su puerto."}, between(1, 65535)),
        row<&S::hosts>("hosts",
                       {"Several of them in place of `host`, such as `[{ host = \"a.example\", weight = 3 }, { host = "
                        "\"b.example\", port = 587, weight = 0 }]`: each is tried first in proportion to its weight "
                        "(default 1), the others when it fails, those of weight 0 last.",
                        "Varios en lugar de `host`, como `[{ host = \"a.example\", weight = 3 }, { host = "
                        "\"b.example\", port = 587, weight = 0 }]`: cada uno se prueba primero en proporción a su peso "
                        "(por defecto 1), los demás cuando falla, y los de peso 0 al final."}),
        row<&S::tls>("tls",
                     {"`opportunistic` falls back to plain text, `required` waits instead, `implicit` begins with "
                      "TLS.",
                      "`opportunistic` recurre a texto plano, `required` prefiere esperar, `implicit` empieza con "
                      "TLS."}),
        row<&S::verify>("verify", {"The certificate must be valid for the host (RFC 9525).",
                                   "El certificado debe ser válido para el equipo (RFC 9525)."}),
        row<&S::pin>("pin", {"`sha256:` and the hexadecimal SHA-256 of the public key that the host must show, for a "
                             "certificate that no authority has signed; instead of `verify`.",
                             "`sha256:` y el SHA-256 hexadecimal de la clave pública que debe mostrar el equipo, para "
                             "un certificado que no ha firmado ninguna autoridad; en lugar de `verify`."}),
        row<&S::user>("user", {"Login at the smarthost.", "Usuario en el smarthost."}),
        row<&S::password>("password", {"Its password; better in a file.", "Su contraseña; mejor en un archivo."}),
        row<&S::password_file>("password_file",
                               {"File whose first line is the password; `$CREDENTIALS_DIRECTORY/` reaches "
                                "those of systemd.",
                                "Archivo cuya primera línea es la contraseña; `$CREDENTIALS_DIRECTORY/` "
                                "llega a los de systemd."},
                               {.names_file = true}),
        row<&S::allow_private_addresses>("allow_private_addresses",
                                         {"The host may have a private or loopback address.",
                                          "El equipo puede tener una dirección privada o local."}),
        row<&S::connections_per_site>(
            "connections_per_site", {"Connections at once.", "Conexiones simultáneas."},
            {.bounds = {1, 10'000, true},
             .default_words = {"delivery.connections_per_site", "delivery.connections_per_site"}}),
        row<&S::retry_schedule>(
            "retry_schedule", {"Waits between attempts.", "Esperas entre intentos."},
            {.bounds = {1, 7 * day}, .default_words = {"queue.retry_schedule", "queue.retry_schedule"}}),
        row<&S::expire_after>(
            "expire_after", {"When mail is returned.", "Cuándo se devuelve el correo."},
            {.bounds = {minute, 30 * day, true}, .default_words = {"queue.expire_after", "queue.expire_after"}}),
        row<&S::pool>("pool",
                      {"Pool of sources that its mail leaves from.", "Grupo de orígenes del que sale su correo."},
                      with_default({"as the pools say", "lo que digan los grupos"})),
        row<&S::text>("text", {"Reason that the sender reads (`bounce`) or the operator (`hold`).",
                               "Motivo que lee el remitente (`bounce`) o el operador (`hold`)."}),
    };
    return settings;
}

template <>
std::span<const Setting<SubmissionSettings>> settings_of() {
    using S = SubmissionSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::check_recipients>(
            "check_recipients",
            {"`syntax_and_domain` refuses at RCPT what is certain to come back: a domain that does "
             "not exist or takes no mail (RFC 7505). Where the DNS does not answer in time, nothing "
             "is refused.",
             "`syntax_and_domain` rechaza en RCPT lo que seguro volvería: un dominio que no existe "
             "o no recibe correo (RFC 7505). Si el DNS no responde a tiempo, no se rechaza nada."}),
    };
    return settings;
}

template <>
std::span<const Setting<DnsSettings>> settings_of() {
    using S = DnsSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::servers>("servers",
                         {"Resolvers, as \"192.0.2.53\" or \"192.0.2.53@5353\".",
                          "Servidores de nombres, como \"192.0.2.53\" o \"192.0.2.53@5353\"."},
                         {.effect = TakesEffect::on_restart,
                          .default_words = {"those of /etc/resolv.conf", "los de /etc/resolv.conf"}}),
        row<&S::trust_anchor_file>("trust_anchor_file",
                                   {"Keys of the DNS root, from the package dns-root-data; empty: "
                                    "no DNSSEC validation.",
                                    "Claves de la raíz del DNS, del paquete dns-root-data; vacío: "
                                    "sin validación DNSSEC."},
                                   {.effect = TakesEffect::on_restart, .names_file = true}),
        row<&S::timeout>("timeout", {"Wait for an answer.", "Espera de una respuesta."}, between(1, 5 * minute)),
        row<&S::authority_port>(
            "authority_port",
            {"Port of the name servers that checks ask about a domain; other than 53 only for trying things.",
             "Puerto de los servidores de nombres a los que preguntan las comprobaciones; distinto de 53 solo para "
             "pruebas."},
            {.bounds = {1, 65535}, .effect = TakesEffect::on_restart}),
    };
    return settings;
}

template <>
std::span<const Setting<LogSettings>> settings_of() {
    using S = LogSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::level>(
            "level", {"The least important lines that are written.", "Las líneas menos importantes que se escriben."}),
        row<&S::format>("format",
                        {"`json` for programs, `text` for people.", "`json` para programas, `text` para personas."}),
        row<&S::file>(
            "file", {"File to append to.", "Archivo al que se añade."},
            {.effect = TakesEffect::on_restart,
             .default_words = {"standard error, which systemd keeps", "salida de error, que guarda systemd"}}),
    };
    return settings;
}

template <>
std::span<const Setting<MetricsSettings>> settings_of() {
    using S = MetricsSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::address>("address",
                         {"Where to answer HTTP requests for /metrics; nothing else protects it, so keep it "
                          "local.",
                          "Dónde responder peticiones HTTP de /metrics; no tiene otra protección, así que "
                          "conviene dejarlo local."},
                         {.effect = TakesEffect::on_restart, .default_words = {"off", "desactivado"}}),
    };
    return settings;
}

}  // namespace relevo::configuration

#include "app/configuration/settings.h"

namespace relevo::configuration {
namespace {

template <class Member>
struct MemberTraits;
template <class S, class T>
struct MemberTraits<T S::*> {
    using Section = S;
    using Value = T;
};
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
struct ElementOf {
    using type = T;
};
template <class T>
struct ElementOf<std::vector<T>> {
    using type = T;
};

struct Extra {
    Bounds bounds{};
    TakesEffect effect = TakesEffect::on_reload;
    Meaning default_words{};
    bool names_file = false;
};

template <class T>
std::string write_bound_as(double bound) {
    return write_value(static_cast<T>(bound));
}
template <>
std::string write_bound_as<std::chrono::seconds>(double bound) {
    return write_value(std::chrono::seconds(static_cast<std::int64_t>(bound)));
}

// A row of the table: everything that the member's type tells is taken from it.
template <auto member>
Setting<typename MemberTraits<decltype(member)>::Section> row(std::string_view name, Meaning meaning,
                                                              Extra extra = {}) {
    using Section = typename MemberTraits<decltype(member)>::Section;
    using Value = typename MemberTraits<decltype(member)>::Value;
    using Element = typename ElementOf<Value>::type;
    Setting<Section> setting{
        .name = name,
        .kind = kind_words<Element>,
        .is_list = is_vector<Value>,
        .is_secret = std::is_same_v<Value, SecretText>,
        .names_file = extra.names_file,
        .bounds = extra.bounds,
        .choices = {},
        .effect = extra.effect,
        .default_words = extra.default_words,
        .meaning = meaning,
        .read = [](Section& section, const Node& node,
                   const Bounds& bounds) { return read_value(node, section.*member, bounds); },
        .write = [](const Section& section) { return write_value(section.*member); },
        .write_bound = nullptr,
    };
    if constexpr (std::is_enum_v<Element>) setting.choices = choice_names<Element>();
    if constexpr ((std::is_arithmetic_v<Element> && !std::is_same_v<Element, bool>) ||
                  std::is_same_v<Element, std::chrono::seconds>)
        if (extra.bounds.most < std::numeric_limits<double>::max()) setting.write_bound = write_bound_as<Element>;
    return setting;
}

constexpr double minute = 60, hour = 3600, day = 86400;
constexpr double mega = 1024 * 1024, tera = mega * mega;
constexpr Extra restart{.effect = TakesEffect::on_restart};

Extra between(double least, double most) { return {.bounds = {least, most}}; }
Extra zero_or(double least, double most) { return {.bounds = {least, most, true}}; }
Extra with_default(Meaning words) { return {.default_words = words}; }

}  // namespace

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
        row<&S::tls>("tls",
                     {"`opportunistic` falls back to plain text, `required` waits instead, `implicit` begins with "
                      "TLS.",
                      "`opportunistic` recurre a texto plano, `required` prefiere esperar, `implicit` empieza con "
                      "TLS."}),
        row<&S::verify>("verify", {"The certificate must be valid for the host (RFC 9525).",
                                   "El certificado debe ser válido para el equipo (RFC 9525)."}),
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
        row<&S::text>("text", {"Reason that the sender reads (`bounce`) or the operator (`hold`).",
                               "Motivo que lee el remitente (`bounce`) o el operador (`hold`)."}),
    };
    return settings;
}

template <>
std::span<const Setting<SigningSettings>> settings_of() {
    using S = SigningSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::service_domain>(
            "service_domain",
            {"A domain of yours that signs all mail besides the sender's domain, and reports; empty: none.",
             "Un dominio propio que firma todo el correo además del dominio del remitente, y los informes; vacío: "
             "ninguno."},
            {.effect = TakesEffect::on_restart}),
        row<&S::algorithms>("algorithms",
                            {"Keys that each domain gets; a verifier that knows one of them is satisfied.",
                             "Claves que recibe cada dominio; a un verificador le basta con conocer una de ellas."}),
        row<&S::rotation_interval>(
            "rotation_interval",
            {"How long a key signs before the next one is made; it signs once its record is in the DNS. 0: only when "
             "`relevo dkim rotate` asks for it.",
             "Cuánto firma una clave antes de crear la siguiente, que firma en cuanto su registro está en el DNS. 0: "
             "solo cuando lo pide `relevo dkim rotate`."},
            zero_or(1, 3650 * day)),
        row<&S::keep_published>("keep_published",
                                {"How long the record of a key must stay in the DNS after its last signature.",
                                 "Cuánto debe seguir en el DNS el registro de una clave tras su última firma."},
                                between(1, 90 * day)),
        row<&S::check_interval>("check_interval",
                                {"How often the DNS is asked for records that are to be published.",
                                 "Cada cuánto se buscan en el DNS los registros que hay que publicar."},
                                between(1, day)),
        row<&S::signature_lifetime>("signature_lifetime",
                                    {"When a signature expires (x=), against replay of old mail.",
                                     "Cuándo caduca una firma (x=), contra el reenvío de correo antiguo."},
                                    between(hour, 365 * day)),
        row<&S::master_key_file>(
            "master_key_file",
            {"File of the key that seals private keys in the store; made at the first start. Back it up apart from the "
             "store; `$CREDENTIALS_DIRECTORY/` reaches the files of systemd.",
             "Archivo de la clave que sella las claves privadas del almacén; se crea en el primer arranque. Guarde una "
             "copia aparte del almacén; `$CREDENTIALS_DIRECTORY/` llega a los archivos de systemd."},
            {.effect = TakesEffect::on_restart,
             .default_words = {"master.key in server.data_dir", "master.key en server.data_dir"}}),
    };
    return settings;
}

template <>
std::span<const Setting<DomainSettings>> settings_of() {
    using S = DomainSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::spf_include>("spf_include",
                             {"Name of your SPF record that domains include, such as \"_spf.relay.example\".",
                              "Nombre de tu registro SPF que incluyen los dominios, como \"_spf.relay.example\"."},
                             with_default({"they list the addresses", "enumeran las direcciones"})),
        row<&S::key_zone>(
            "key_zone",
            {"A zone of yours for DKIM keys: with a CNAME into it a domain need not change when a key does.",
             "Una zona tuya para claves DKIM: con un CNAME hacia ella, un dominio no cambia cuando cambia la clave."},
            with_default({"none", "ninguna"})),
        row<&S::return_path>("return_path",
                             {"First label of the sub-domain for bounces, such as \"bounces\".",
                              "Primera etiqueta del subdominio para rebotes, como \"rebotes\"."},
                             with_default({"none", "ninguna"})),
        row<&S::tracking>("tracking",
                          {"First label of the host of links and pictures, such as \"links\".",
                           "Primera etiqueta del host de enlaces e imágenes, como \"enlaces\"."},
                          with_default({"none", "ninguna"})),
        row<&S::report_address>("report_address",
                                {"Address that gets the DMARC and TLS reports about the domains.",
                                 "Dirección que recibe los informes DMARC y TLS sobre los dominios."},
                                with_default({"none are asked for", "no se piden"})),
    };
    return settings;
}

template <>
std::span<const Setting<CheckSettings>> settings_of() {
    using S = CheckSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::interval>("interval",
                          {"How often the server checks each domain; \"0s\" never.",
                           "Cada cuánto comprueba el servidor cada dominio; \"0s\" nunca."},
                          zero_or(1, 7 * day)),
        row<&S::egress_addresses>("egress_addresses",
                                  {"Public addresses that mail leaves from, as others see them.",
                                   "Direcciones públicas desde las que sale el correo, tal como se ven desde fuera."},
                                  with_default({"delivery.source_addresses, or those of server.host_name",
                                                "delivery.source_addresses, o las de server.host_name"})),
        row<&S::outbound_domains>("outbound_domains",
                                  {"Domains whose mail servers show whether port 25 is open; nothing is sent to them.",
                                   "Dominios cuyos servidores de correo muestran si el puerto 25 está abierto; no se "
                                   "les envía nada."}),
        row<&S::blocklists>("blocklists",
                            {"Blocklists that are asked about addresses and domains; empty: none.",
                             "Listas negras a las que se pregunta por direcciones y dominios; vacío: ninguna."}),
        row<&S::spamhaus_key>("spamhaus_key",
                              {"Key of Spamhaus' Data Query Service, for resolvers that its public lists refuse.",
                               "Clave del Data Query Service de Spamhaus, para servidores DNS que sus listas públicas "
                               "rechazan."},
                              with_default({"none", "ninguna"})),
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
std::span<const Setting<VerificationSettings>> settings_of() {
    using S = VerificationSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::authserv_id>(
            "authserv_id",
            {"Our name in Authentication-Results; fields that others wrote in this name are removed.",
             "Nuestro nombre en Authentication-Results; se eliminan los campos que otros escriban con él."},
            with_default({"server.host_name", "server.host_name"})),
        row<&S::dmarc>("dmarc",
                       {"How far to follow what the author's domain asks for: `none` only writes results down, "
                        "`quarantine` marks with the field X-Relevo-Quarantine, `reject` also refuses.",
                        "Hasta dónde se sigue lo que pide el dominio del autor: `none` solo anota los resultados, "
                        "`quarantine` marca con el campo X-Relevo-Quarantine, `reject` además rechaza."}),
        row<&S::spf>("spf",
                     {"What an SPF result of fail does by itself, where DMARC does not pass: `mark` only writes it down, "
                      "`reject` refuses; forwarders break SPF.",
                      "Qué hace por sí solo un resultado fail de SPF cuando DMARC no pasa: `mark` solo lo anota, "
                      "`reject` rechaza; los reenvíos rompen SPF."}),
        row<&S::trusted_networks>("trusted_networks",
                                  {"Networks of our own servers in front of this one: their mail is not checked.",
                                   "Redes de nuestros propios servidores delante de este: su correo no se comprueba."}),
        row<&S::trusted_sealers>("trusted_sealers",
                                 {"Domains of forwarders whose ARC seals may stand in for a DMARC failure.",
                                  "Dominios de reenviadores cuyos sellos ARC pueden suplir un fallo de DMARC."}),
        row<&S::time_limit>("time_limit",
                            {"Longest wait for the DNS, for SPF and for the rest; what is not known then is a temporary "
                             "error.",
                             "Espera máxima del DNS, para SPF y para el resto; lo que no se sepa entonces es un error "
                             "temporal."},
                            between(1, 5 * minute)),
    };
    return settings;
}

template <>
std::span<const Setting<ReportSettings>> settings_of() {
    using S = ReportSettings;
    static const std::vector<Setting<S>> settings = {
        row<&S::send>(
            "send",
            {"Count what relay listeners found about mail, and send it after midnight (UTC) to the domains that ask "
             "for DMARC aggregate reports. Off by default: reports tell strangers which servers sent here, and are "
             "believed only if the domain of `from` passes DMARC itself.",
             "Contar lo que los puertos de relevo averiguan del correo y enviarlo pasada la medianoche (UTC) a los "
             "dominios que piden informes agregados DMARC. Desactivado por defecto: los informes cuentan a "
             "desconocidos qué servidores enviaron aquí, y solo se creen si el dominio de `from` pasa DMARC."}),
        row<&S::from>("from",
                      {"Address that the reports come from; no answer to them is reported back.",
                       "Dirección de la que salen los informes; sus rebotes no vuelven a notificarse."},
                      with_default({"dmarc-reports@ and signing.service_domain, else server.host_name",
                                    "dmarc-reports@ y signing.service_domain o, si no, server.host_name"})),
        row<&S::organization>("organization",
                              {"Who reports, in the reports.", "Quién informa, según consta en los informes."},
                              with_default({"server.host_name", "server.host_name"})),
        row<&S::contact>("contact",
                         {"How the people behind the reports are reached: an address or a web page.",
                          "Cómo contactar con las personas detrás de los informes: una dirección o una página web."},
                         with_default({"not told", "no se indica"})),
        row<&S::addresses>(
            "addresses",
            {"Addresses named in our own DMARC (rua) and TLS-RPT records, besides domains.report_address: mail that comes to them is delivered as any "
             "other, and what is in it is kept for `relevo reports`.",
             "Direcciones que nombran nuestros registros DMARC (rua) y TLS-RPT, además de domains.report_address: el correo que llega a ellas se entrega "
             "como cualquier otro y su contenido se guarda para `relevo reports`."},
            with_default({"none", "ninguna"})),
        row<&S::keep>("keep",
                      {"How long reports, and what became of ours, can be looked at.",
                       "Cuánto tiempo pueden consultarse los informes y qué fue de los nuestros."},
                      between(7 * day, 3650 * day)),
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

// Settings of mail authentication: keys, domains, checks, mail from outside, reports.
#include "app/configuration/setting_row.h"

namespace relevo::configuration {

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
                              "Nombre de su registro SPF que incluyen los dominios, como \"_spf.relay.example\"."},
                             with_default({"they list the addresses", "enumeran las direcciones"})),
        row<&S::key_zone>(
            "key_zone",
            {"A zone of yours for DKIM keys: with a CNAME into it a domain need not change when a key does.",
             "Una zona propia para claves DKIM: con un CNAME hacia ella, un dominio no cambia cuando cambia la clave."},
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
        row<&S::mta_sts_host>(
            "mta_sts_host",
            {"A web server of yours with the MTA-STS policy of domains whose mail is taken here, to which their name "
             "\"mta-sts\" then points; Relevo itself serves no policies.",
             "Un servidor web propio con la política MTA-STS de los dominios cuyo correo se recibe aquí, al que apunta "
             "su nombre \"mta-sts\"; Relevo no sirve políticas."},
            with_default({"MTA-STS is not proposed", "no se propone MTA-STS"})),
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
        row<&S::address_lists>(
            "address_lists",
            {"File with well-known, mistyped and disposable domains and role addresses "
             "(docs/formats/address-lists.md), in place of the built-in lists. One with a mistake is "
             "refused, and what was in force stays.",
             "Archivo con dominios conocidos, mal escritos y desechables y direcciones de función "
             "(docs/formats/address-lists.md), en lugar de las listas incorporadas. Si tiene un error "
             "se rechaza y sigue en vigor lo anterior."},
            {.default_words = {"the built-in ones", "las incorporadas"}, .names_file = true}),
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
        row<&S::spf>(
            "spf", {"What an SPF result of fail does by itself, where DMARC does not pass: `mark` only writes it down, "
                    "`reject` refuses; forwarders break SPF.",
                    "Qué hace por sí solo un resultado fail de SPF cuando DMARC no pasa: `mark` solo lo anota, "
                    "`reject` rechaza; los reenvíos rompen SPF."}),
        row<&S::trusted_networks>("trusted_networks",
                                  {"Networks of our own servers in front of this one: their mail is not checked.",
                                   "Redes de nuestros propios servidores delante de este: su correo no se comprueba."}),
        row<&S::trusted_sealers>("trusted_sealers",
                                 {"Domains of forwarders whose ARC seals may stand in for a DMARC failure.",
                                  "Dominios de reenviadores cuyos sellos ARC pueden suplir un fallo de DMARC."}),
        row<&S::seal>(
            "seal",
            {"Seal mail from outside (ARC) with the RSA key of signing.service_domain before it goes on, so that "
             "servers "
             "that trust this one believe what was found here even if SPF or DKIM fail there.",
             "Sellar (ARC) con la clave RSA de signing.service_domain el correo de fuera antes de que siga, para que "
             "los servidores que confían en este crean lo que aquí se averiguó aunque allí fallen SPF o DKIM."}),
        row<&S::time_limit>(
            "time_limit",
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
        row<&S::send_tls>(
            "send_tls",
            {"Count what became of TLS with the mail servers of others, and send it after midnight (UTC) to the "
             "domains that ask for TLS reports (RFC 8460): by mail, or posted to their web pages. Their readers "
             "believe only mail that is signed: set signing.service_domain.",
             "Contar qué fue del TLS con los servidores de correo ajenos y enviarlo pasada la medianoche (UTC) a los "
             "dominios que piden informes TLS (RFC 8460): por correo o publicados en sus páginas web. Sus lectores "
             "solo creen el correo firmado: configure signing.service_domain."}),
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
        row<&S::addresses>("addresses",
                           {"Addresses named in our own DMARC (rua) and TLS-RPT records, besides "
                            "domains.report_address: mail that comes to them is delivered as any "
                            "other, and what is in it is kept for `relevo reports`.",
                            "Direcciones que nombran nuestros registros DMARC (rua) y TLS-RPT, además de "
                            "domains.report_address: el correo que llega a ellas se entrega "
                            "como cualquier otro y su contenido se guarda para `relevo reports`."},
                           with_default({"none", "ninguna"})),
        row<&S::keep>("keep",
                      {"How long reports, and what became of ours, can be looked at.",
                       "Cuánto tiempo pueden consultarse los informes y qué fue de los nuestros."},
                      between(7 * day, 3650 * day)),
    };
    return settings;
}

}  // namespace relevo::configuration

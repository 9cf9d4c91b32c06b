// The one table of settings: name, kind, default, range, meaning and how a change takes effect. Parsing, `config
// reference`, `config show` and the sample all read it, so they cannot disagree.
#pragma once

#include "app/configuration/value.h"

#include <span>
#include <string>
#include <string_view>

namespace relevo::configuration {

// Whether a running server takes a new value on reload.
enum class TakesEffect : std::uint8_t { on_reload, on_restart };

// One sentence in each language.
struct Meaning {
    std::string_view english;
    std::string_view spanish;
    [[nodiscard]] std::string_view in(mail::Language language) const {
        return language == mail::Language::spanish ? spanish : english;
    }
};

template <class Section>
struct Setting {
    std::string_view name;
    std::string_view kind;  // kind_words, with "list of" in front for lists
    bool is_list;
    bool is_secret;
    bool names_file;  // load_configuration() checks that it can be read
    Bounds bounds;
    std::vector<std::string_view> choices;
    TakesEffect effect;
    Meaning default_words;  // instead of the value, where the default is computed; else empty
    Meaning meaning;
    ValueProblem (*read)(Section& section, const Node& node, const Bounds& bounds);
    std::string (*write)(const Section& section);
    std::string (*write_bound)(double bound);  // null if the kind has no range
};

template <class Section>
[[nodiscard]] std::span<const Setting<Section>> settings_of();

template <>
std::span<const Setting<ServerSettings>> settings_of();
template <>
std::span<const Setting<ListenerSettings>> settings_of();
template <>
std::span<const Setting<LimitSettings>> settings_of();
template <>
std::span<const Setting<TlsSettings>> settings_of();
template <>
std::span<const Setting<CertificateSettings>> settings_of();
template <>
std::span<const Setting<AcmeSettings>> settings_of();
template <>
std::span<const Setting<QueueSettings>> settings_of();
template <>
std::span<const Setting<DeliverySettings>> settings_of();
template <>
std::span<const Setting<RouteSettings>> settings_of();
template <>
std::span<const Setting<SourceSettings>> settings_of();
template <>
std::span<const Setting<PoolSettings>> settings_of();
template <>
std::span<const Setting<SigningSettings>> settings_of();
template <>
std::span<const Setting<DomainSettings>> settings_of();
template <>
std::span<const Setting<CheckSettings>> settings_of();
template <>
std::span<const Setting<SubmissionSettings>> settings_of();
template <>
std::span<const Setting<DnsSettings>> settings_of();
template <>
std::span<const Setting<VerificationSettings>> settings_of();
template <>
std::span<const Setting<ReportSettings>> settings_of();
template <>
std::span<const Setting<FeedbackSettings>> settings_of();
template <>
std::span<const Setting<SuppressionSettings>> settings_of();
template <>
std::span<const Setting<ConductSettings>> settings_of();
template <>
std::span<const Setting<TrackingSettings>> settings_of();
template <>
std::span<const Setting<WebhookSettings>> settings_of();
template <>
std::span<const Setting<AccountSettings>> settings_of();
template <>
std::span<const Setting<OidcSettings>> settings_of();
template <>
std::span<const Setting<StatisticsSettings>> settings_of();
template <>
std::span<const Setting<HttpSettings>> settings_of();
template <>
std::span<const Setting<LogSettings>> settings_of();
template <>
std::span<const Setting<MetricsSettings>> settings_of();

struct SectionFacts {
    std::string_view name;  // "server", "listener", "tls.certificates"
    bool repeats;           // [[listener]] rather than [server]
    Meaning meaning;
};

// Calls visit(facts, member) for each section, in the order of the reference; `member` points into Configuration and is
// a vector for those that repeat. The certificates of [[tls.certificates]] are reached through TlsSettings.
template <class Visit>
void for_each_section(Visit visit) {
    visit(SectionFacts{"server",
                       false,
                       {"Who this server is and where it keeps things.",
                        "Quién es este servidor y dónde guarda las cosas."}},
          &Configuration::server);
    visit(SectionFacts{"listener",
                       true,
                       {"One section for each place where mail comes in.",
                        "Una sección por cada lugar por el que entra correo."}},
          &Configuration::listeners);
    visit(SectionFacts{"limits",
                       false,
                       {"What one client may ask for; defaults follow RFC 5321 §4.5.3.",
                        "Lo que puede pedir un cliente; los valores por defecto siguen RFC 5321 §4.5.3."}},
          &Configuration::limits);
    visit(SectionFacts{"tls", false, {"The certificates that clients see.", "Los certificados que ven los clientes."}},
          &Configuration::tls);
    visit(SectionFacts{"acme",
                       false,
                       {"Certificates from an authority, ordered and renewed by Relevo itself (ACME, RFC 8555).",
                        "Certificados de una autoridad, que Relevo pide y renueva por sí mismo (ACME, RFC 8555)."}},
          &Configuration::acme);
    visit(SectionFacts{"queue",
                       false,
                       {"How long mail waits, and when it is tried again.",
                        "Cuánto espera el correo y cuándo se reintenta."}},
          &Configuration::queue);
    visit(SectionFacts{"delivery",
                       false,
                       {"How mail leaves; time-outs follow RFC 5321 §4.5.3.2.",
                        "Cómo sale el correo; los tiempos límite siguen RFC 5321 §4.5.3.2."}},
          &Configuration::delivery);
    visit(SectionFacts{"route",
                       true,
                       {"Exceptions to delivery by MX; the most exact domain wins, then the order of the file.",
                        "Excepciones a la entrega por MX; gana el dominio más exacto y después el orden del archivo."}},
          &Configuration::routes);
    visit(SectionFacts{"source",
                       true,
                       {"Addresses and names that mail leaves with. Without any there is one, `default`, made of "
                        "delivery.source_addresses and delivery.ehlo_name.",
                        "Direcciones y nombres con los que sale el correo. Si no hay ninguna, existe una, `default`, "
                        "hecha de delivery.source_addresses y delivery.ehlo_name."}},
          &Configuration::sources);
    visit(
        SectionFacts{"pool",
                     true,
                     {"Sources that share mail by weight, and whose mail it is. The route's `pool` comes first, then "
                      "the pool that the message asks for, then the pool whose lists all fit: one that names the "
                      "tenant before others, then the route, then the most exact domain, then the stream, then the "
                      "order of the file; then delivery.pool.",
                      "Orígenes que se reparten correo según su peso, y de quién es ese correo. Primero cuenta el "
                      "`pool` de la ruta, después el que pide el mensaje y después el que encaja en todas sus listas: "
                      "antes el que nombra al inquilino, luego la ruta, luego el dominio más exacto, luego el flujo y "
                      "luego el orden del archivo; por último, delivery.pool."}},
        &Configuration::pools);
    visit(SectionFacts{"signing",
                       false,
                       {"How mail is signed (DKIM, RFC 6376); every domain gets keys of its own, which `relevo dkim "
                        "list` shows.",
                        "Cómo se firma el correo (DKIM, RFC 6376); cada dominio recibe claves propias, que muestra "
                        "`relevo dkim list`."}},
          &Configuration::signing);
    visit(SectionFacts{"domains",
                       false,
                       {"What `relevo domain dns` asks the owners of domains to publish.",
                        "Lo que `relevo domain dns` pide publicar a los dueños de los dominios."}},
          &Configuration::domains);
    visit(SectionFacts{"checks",
                       false,
                       {"What `relevo check` looks at, and how often the server does so by itself.",
                        "Qué mira `relevo check` y cada cuánto lo hace el servidor por su cuenta."}},
          &Configuration::checks);
    visit(SectionFacts{"submission",
                       false,
                       {"What is asked of mail that users and programs hand in.",
                        "Qué se exige al correo que entregan usuarios y programas."}},
          &Configuration::submission);
    visit(SectionFacts{"dns", false, {"Whom to ask for addresses.", "A quién se preguntan las direcciones."}},
          &Configuration::dns);
    visit(SectionFacts{"verification",
                       false,
                       {"Who wrote mail that strangers bring to relay listeners: SPF, DKIM, DMARC and ARC.",
                        "Quién escribió el correo que traen desconocidos a los puertos de relevo: SPF, DKIM, DMARC y "
                        "ARC."}},
          &Configuration::verification);
    visit(SectionFacts{"reports",
                       false,
                       {"Reports about mail authentication: ours to other domains' owners (RFC 9990), and others' "
                        "about our domains (also RFC 8460).",
                        "Informes sobre la autenticación del correo: los nuestros a los dueños de otros dominios (RFC "
                        "9990) y los de otros sobre nuestros dominios (también RFC 8460)."}},
          &Configuration::reports);
    visit(SectionFacts{"feedback",
                       false,
                       {"What comes back after mail has left: bounces, answers of programs, complaints.",
                        "Lo que vuelve cuando el correo ya ha salido: rebotes, respuestas automáticas, quejas."}},
          &Configuration::feedback);
    visit(SectionFacts{"suppression",
                       false,
                       {"Addresses that a tenant's mail does not go to: who gets on the list by itself, and for how "
                        "long. `relevo suppression` shows and changes it.",
                        "Direcciones a las que no va el correo de un cliente: quién entra en la lista por sí solo y "
                        "por cuánto tiempo. `relevo suppression` la muestra y la cambia."}},
          &Configuration::suppression);
    visit(SectionFacts{"http",
                       true,
                       {"One section for each place where the web is answered: the HTTP API, the page to unsubscribe, "
                        "and the images and links of [tracking].",
                        "Una sección por cada lugar que responde a la web: la API HTTP, la página para darse de baja "
                        "y las imágenes y enlaces de [tracking]."}},
          &Configuration::http);
    visit(SectionFacts{"conduct",
                       false,
                       {"How much of a tenant's mail may bounce or be complained about before it is slowed down and "
                        "held, so that it does not spoil the reputation that all share. `relevo tenant show` tells.",
                        "Cuánto correo de un cliente puede rebotar o recibir quejas antes de frenarlo y retenerlo, "
                        "para que no estropee la reputación de todos. `relevo tenant show` lo muestra."}},
          &Configuration::conduct);
    visit(SectionFacts{"tracking",
                       false,
                       {"Whether people open mail and follow its links: an image and links of this server in the HTML "
                        "of submitted mail. Off unless switched on here, for a domain (relevo domain set --track) or "
                        "by a message (X-Relevo-Track).",
                        "Si se abre el correo y se siguen sus enlaces: una imagen y enlaces de este servidor en el "
                        "HTML del correo enviado. Apagado salvo que se active aquí, para un dominio (relevo domain "
                        "set --track) o en un mensaje (X-Relevo-Track)."}},
          &Configuration::tracking);
    visit(SectionFacts{"webhooks",
                       false,
                       {"How programs are told what happens to mail. `relevo webhook` shows and changes which.",
                        "Cómo se avisa a programas de lo que ocurre con el correo. `relevo webhook` los muestra y los "
                        "cambia."}},
          &Configuration::webhooks);
    visit(SectionFacts{"accounts",
                       false,
                       {"People who use the console. `relevo user` shows and changes who.",
                        "Las personas que usan la consola. `relevo user` las muestra y las cambia."}},
          &Configuration::accounts);
    visit(SectionFacts{"oidc",
                       true,
                       {"One section for each provider of accounts by which people sign in to the console (OpenID "
                        "Connect). Its redirect URI there is https://HOST/api/v1/session/openid/NAME, with the host of "
                        "the console.",
                        "Una sección por cada proveedor de cuentas con el que se entra en la consola (OpenID Connect). "
                        "Su URI de redirección allí es https://HOST/api/v1/session/openid/NOMBRE, con el host de la "
                        "consola."}},
          &Configuration::oidc);
    visit(SectionFacts{"statistics",
                       false,
                       {"How long sums are kept, for charts and `relevo stats`.",
                        "Cuánto tiempo se guardan las sumas, para los gráficos y `relevo stats`."}},
          &Configuration::statistics);
    visit(SectionFacts{"log", false, {"What is written about what happens.", "Qué se escribe de lo que ocurre."}},
          &Configuration::log);
    visit(SectionFacts{"metrics",
                       false,
                       {"Numbers for a monitoring system, in the format of Prometheus.",
                        "Cifras para un sistema de vigilancia, en el formato de Prometheus."}},
          &Configuration::metrics);
}
inline constexpr SectionFacts certificates_facts{
    "tls.certificates",
    true,
    {"More certificates; the client's server name (SNI) chooses.",
     "Más certificados; elige el nombre de servidor que pide el cliente (SNI)."}};

}  // namespace relevo::configuration

#include "app/configuration/reference.h"

#include "app/configuration/manual_text.h"
#include "app/configuration/settings.h"

#include <fmt/format.h>

#include <iterator>
#include <map>

namespace relevo {

using namespace configuration;

namespace {

struct Phrases {
    std::string_view title, introduction, kind, standard, effect, reload, restart, from, to, list_of, one_of, required;
};
constexpr Phrases english = {
    "Configuration",
    "One TOML file, `/etc/relevo/relevo.toml` unless `--config` names another. It is strict: an unknown or misspelt "
    "setting, a wrong type or a value out of range stops the start, and all problems are listed at once with line and "
    "column. Durations are texts with a unit (`\"30s\"`, `\"5min\"`, `\"4h\"`, `\"4d\"`), so are sizes (`\"50MiB\"`). "
    "A list of "
    "one may be written without brackets. `RELEVO_SECTION__SETTING` in the environment overrides a setting of a "
    "section in single brackets; separate the entries of a list with commas. `relevo config show` prints the values "
    "in force and where each came from.",
    "Kind",
    "Default",
    "Change",
    "reload",
    "restart",
    "from",
    "to",
    "list of",
    "one of",
    "none"};
constexpr Phrases spanish = {
    "Configuración",
    "Un archivo TOML, `/etc/relevo/relevo.toml` salvo que `--config` indique otro. Es estricto: un ajuste desconocido "
    "o "
    "mal escrito, un tipo equivocado o un valor fuera de rango impiden el arranque, y todos los problemas se muestran "
    "a la "
    "vez con línea y columna. Las duraciones son textos con unidad (`\"30s\"`, `\"5min\"`, `\"4h\"`, `\"4d\"`), igual "
    "que los "
    "tamaños (`\"50MiB\"`). Una lista de un elemento puede escribirse sin corchetes. `RELEVO_SECCIÓN__AJUSTE` en el "
    "entorno "
    "(con los nombres del archivo) sustituye un ajuste de una sección con corchetes simples; los elementos de una "
    "lista "
    "se separan con comas. `relevo config show` muestra los valores en vigor y de dónde sale cada uno.",
    "Tipo",
    "Por defecto",
    "Cambio",
    "recarga",
    "reinicio",
    "de",
    "a",
    "lista de",
    "uno de",
    "ninguno"};

// The table's words for kinds, in Spanish.
std::string_view kind_in(std::string_view kind, mail::Language language) {
    if (language == mail::Language::english) return kind;
    static const std::map<std::string_view, std::string_view> words = {
        {"text", "texto"},
        {"secret text", "texto secreto"},
        {"true or false", "true o false"},
        {"size", "tamaño"},
        {"whole number", "número entero"},
        {"number", "número"},
        {"duration", "duración"},
        {"address:port", "dirección:puerto"},
        {"network", "red"},
        {"IP address", "dirección IP"},
        {"name or name:weight", "nombre o nombre:peso"},
        {"table of host, port, weight", "tabla con host, port, weight"}};
    const auto found = words.find(kind);
    return found == words.end() ? kind : found->second;
}

template <class Section>
std::string kind_text(const Setting<Section>& setting, mail::Language language, const Phrases& phrases) {
    std::string text;
    if (setting.choices.empty())
        text = std::string(kind_in(setting.kind, language));
    else
        text = fmt::format("{} `\"{}\"`", phrases.one_of, fmt::join(setting.choices, "\"`, `\""));
    if (setting.is_list) text = fmt::format("{} {}", phrases.list_of, text);
    if (setting.write_bound != nullptr)
        text += fmt::format(", {} {} {} {}{}", phrases.from, setting.write_bound(setting.bounds.least), phrases.to,
                            setting.write_bound(setting.bounds.most),
                            setting.bounds.or_zero ? ", " + setting.write_bound(0) : "");
    return text;
}

template <class Section>
std::string default_text(const Setting<Section>& setting, mail::Language language, const Phrases& phrases) {
    if (!setting.default_words.english.empty()) return std::string(setting.default_words.in(language));
    const std::string value = setting.write(Section{});
    return value == "[]" || value == R"("")" ? std::string(phrases.required) : "`" + value + "`";
}

std::string brackets_of(const SectionFacts& facts) {
    return facts.repeats ? fmt::format("[[{}]]", facts.name) : fmt::format("[{}]", facts.name);
}

template <class Section>
void append_section(std::string& page, const SectionFacts& facts, mail::Language language, const Phrases& phrases) {
    auto out = std::back_inserter(page);
    fmt::format_to(out, "\n## {}\n\n{}\n", brackets_of(facts), facts.meaning.in(language));
    for (const auto& setting : settings_of<Section>())
        fmt::format_to(out, "\n### {}.{}\n\n{}\n\n- {}: {}\n- {}: {}\n- {}: {}\n", facts.name, setting.name,
                       setting.meaning.in(language), phrases.kind, kind_text(setting, language, phrases),
                       phrases.standard, default_text(setting, language, phrases), phrases.effect,
                       setting.effect == TakesEffect::on_restart ? phrases.restart : phrases.reload);
}

template <class Section>
void append_section(ManualText& page, const SectionFacts& facts) {
    page.heading(brackets_of(facts));
    page.paragraph(facts.meaning.english);
    for (const auto& setting : settings_of<Section>())
        page.item(setting.name, "",
                  fmt::format("{} {}. Default: {}. A change needs a {}.", setting.meaning.english,
                              kind_text(setting, mail::Language::english, english),
                              default_text(setting, mail::Language::english, english),
                              setting.effect == TakesEffect::on_restart ? english.restart : english.reload));
}

// Calls visit(facts, path, section value) for each section that the configuration holds.
template <class Visit>
void for_each_held_section(const Configuration& configuration, Visit visit) {
    for_each_section([&](const SectionFacts& facts, auto member) {
        const auto& held = configuration.*member;
        if constexpr (requires { held.begin(); }) {
            for (std::size_t i = 0; i < held.size(); ++i) visit(facts, fmt::format("{}[{}]", facts.name, i), held[i]);
        } else {
            visit(facts, std::string(facts.name), held);
        }
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(held)>, TlsSettings>)
            for (std::size_t i = 0; i < held.more_certificates.size(); ++i)
                visit(certificates_facts, fmt::format("{}[{}]", certificates_facts.name, i), held.more_certificates[i]);
    });
}

}  // namespace

std::string configuration_reference(mail::Language language) {
    const Phrases& phrases = language == mail::Language::spanish ? spanish : english;
    std::string page = fmt::format("# {}\n\n{}\n", phrases.title, phrases.introduction);
    for_each_section([&]<class Held>(const SectionFacts& facts, Held Configuration::*) {
        if constexpr (requires { typename Held::value_type; })
            append_section<typename Held::value_type>(page, facts, language, phrases);
        else
            append_section<Held>(page, facts, language, phrases);
        if constexpr (std::is_same_v<Held, TlsSettings>)
            append_section<CertificateSettings>(page, certificates_facts, language, phrases);
    });
    return page;
}

std::string configuration_manual_page() {
    ManualText page("relevo.toml", "5", "configuration of the mail relay Relevo");
    page.heading("DESCRIPTION");
    page.paragraph(english.introduction);
    for_each_section([&]<class Held>(const SectionFacts& facts, Held Configuration::*) {
        if constexpr (requires { typename Held::value_type; })
            append_section<typename Held::value_type>(page, facts);
        else
            append_section<Held>(page, facts);
        if constexpr (std::is_same_v<Held, TlsSettings>) append_section<CertificateSettings>(page, certificates_facts);
    });
    page.heading("SEE ALSO");
    page.paragraph("`relevo`(1), `systemd.exec`(5) about LoadCredential=");
    return page.take();
}

Configuration sample_configuration() {
    Configuration configuration;
    configuration.server.host_name = "mail.example.com";
    configuration.server.user = "relevo";
    const auto any_v4 = dns::IpAddress::v4({0, 0, 0, 0});
    const auto any_v6 = dns::IpAddress::v6({});
    const auto listen = [&](std::initializer_list<std::uint16_t> ports) -> ListenerSettings& {
        ListenerSettings& listener = configuration.listeners.emplace_back();
        for (const std::uint16_t port : ports) {
            listener.address.push_back({any_v4, port});
            listener.address.push_back({any_v6, port});
        }
        return listener;
    };
    listen({587, 2525, 125});
    listen({465}).tls = ListenerTls::implicit;
    ListenerSettings& relay = listen({25});
    relay.role = ListenerPurpose::relay;
    relay.auth = ListenerAuth::none;
    configuration.http.emplace_back().address = {{any_v4, 443}, {any_v6, 443}};
    return configuration;
}

std::string write_sample(const Configuration& configuration, mail::Language language) {
    std::string text =
        language == mail::Language::spanish
            ? "# Configuración de Relevo. `relevo config reference --language es` explica todos los ajustes.\n"
            : "# Configuration of Relevo. `relevo config reference` explains all settings.\n";
    for_each_held_section(configuration,
                          [&]<class Section>(const SectionFacts& facts, const std::string&, const Section& section) {
                              std::string body;
                              for (const auto& setting : settings_of<Section>()) {
                                  const std::string value = setting.write(section);
                                  if (value == setting.write(Section{})) continue;
                                  fmt::format_to(std::back_inserter(body), "# {}\n{} = {}\n",
                                                 setting.meaning.in(language), setting.name, value);
                              }
                              if (!body.empty()) text += "\n" + brackets_of(facts) + "\n" + body;
                          });
    return text;
}

std::vector<SettingInForce> settings_in_force(const Configuration& configuration) {
    std::vector<SettingInForce> result;
    for_each_held_section(configuration,
                          [&]<class Section>(const SectionFacts&, const std::string& path, const Section& section) {
                              for (const auto& setting : settings_of<Section>()) {
                                  std::string full = path + "." + std::string(setting.name);
                                  const auto origin = configuration.origins.find(full);
                                  result.push_back({full, setting.write(section),
                                                    origin == configuration.origins.end() ? "default" : origin->second,
                                                    setting.effect == TakesEffect::on_restart});
                              }
                          });
    return result;
}

std::string write_configuration(const Configuration& configuration) {
    std::string text;
    for_each_held_section(
        configuration, [&]<class Section>(const SectionFacts& facts, const std::string& path, const Section& section) {
            text += (text.empty() ? "" : "\n") + brackets_of(facts) + "\n";
            for (const auto& setting : settings_of<Section>()) {
                const auto origin = configuration.origins.find(fmt::format("{}.{}", path, setting.name));
                const bool is_default = origin == configuration.origins.end();
                fmt::format_to(std::back_inserter(text), "{} = {}{}{}\n", setting.name, setting.write(section),
                               is_default ? "" : "  # ", is_default ? "" : origin->second);
            }
        });
    return text;
}

std::vector<std::string> changes_that_need_restart(const Configuration& running, const Configuration& loaded) {
    std::map<std::string, std::string> before;
    std::vector<std::string> changes;
    for (const SettingInForce& setting : settings_in_force(running))
        if (setting.needs_restart) before.emplace(setting.path, setting.value);
    for (const SettingInForce& setting : settings_in_force(loaded)) {
        if (!setting.needs_restart) continue;
        const auto old = before.find(setting.path);
        if (old == before.end() || old->second != setting.value) changes.push_back(setting.path);
        if (old != before.end()) before.erase(old);
    }
    for (const auto& [path, value] : before) changes.push_back(path);
    return changes;
}

}  // namespace relevo

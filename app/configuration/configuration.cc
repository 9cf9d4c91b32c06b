#include "app/configuration/configuration.h"

#include "app/configuration/problems.h"
#include "app/configuration/settings.h"
#include "app/configuration/validation.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <netdb.h>
#include <set>
#include <unistd.h>

extern char** environ;

namespace relevo {

using namespace configuration;

namespace {

template <class T>
inline constexpr bool repeats = false;
template <class T>
inline constexpr bool repeats<std::vector<T>> = true;

std::string brackets(const SectionFacts& facts) {
    return facts.repeats ? fmt::format("[[{}]]", facts.name) : fmt::format("[{}]", facts.name);
}

// Which section has a setting of this name, as "[limits]"; empty if none.
std::string home_of(std::string_view setting_name) {
    std::string home;
    for_each_section([&]<class Section>(const SectionFacts& facts, Section Configuration::*) {
        using Row = std::conditional_t<repeats<Section>, typename std::vector<Section>::value_type, Section>;
        const auto search = [&]<class S>(std::type_identity<S>) {
            for (const auto& setting : settings_of<S>())
                if (setting.name == setting_name && home.empty()) home = brackets(facts);
        };
        if constexpr (repeats<Section>)
            search(std::type_identity<typename Section::value_type>{});
        else
            search(std::type_identity<Row>{});
    });
    return home;
}

std::string unknown_setting(std::string_view path, std::string_view name, const std::vector<std::string_view>& known) {
    std::string text = fmt::format("unknown setting \"{}\" in {}", printable(name, 80), path);
    if (const auto near = nearest_name(name, known)) return fmt::format("{}: did you mean \"{}\"?", text, *near);
    if (const std::string home = home_of(name); !home.empty()) return fmt::format("{}: it belongs to {}", text, home);
    return text + ": remove it; `relevo config reference` lists all";
}

class FileReader {
 public:
    FileReader(Configuration& configuration, Problems& problems) : configuration_(configuration), problems_(problems) {}

    void read(const Node& document) {
        std::vector<std::string_view> known;
        for_each_section([&](const SectionFacts& facts, auto member) {
            known.push_back(facts.name);
            if (const Node* node = document.find(facts.name)) read_member(facts, configuration_.*member, *node);
        });
        for (const Node& child : document.children) {
            if (std::ranges::find(known, child.name) != known.end()) continue;
            if (child.kind == Node::Kind::table || child.kind == Node::Kind::list) {
                const auto near = nearest_name(child.name, known);
                problems_.add(child.name_place, fmt::format("unknown section \"{}\": {}", printable(child.name, 80),
                                                            near ? fmt::format("did you mean \"{}\"?", *near)
                                                                 : "remove it; `relevo config reference` lists all"));
            } else {
                problems_.add(child.name_place, unknown_setting("no section", child.name, {}));
            }
        }
    }

 private:
    template <class Section>
    void read_member(const SectionFacts& facts, Section& section, const Node& node) {
        if (node.kind != Node::Kind::table)
            return problems_.add(node.name_place, fmt::format("\"{}\" is {}: begin the section with {}", facts.name,
                                                              words_of(node.kind), brackets(facts)));
        read_section(std::string(facts.name), section, node);
    }
    template <class Section>
    void read_member(const SectionFacts& facts, std::vector<Section>& sections, const Node& node) {
        if (node.kind != Node::Kind::list)
            return problems_.add(node.name_place, fmt::format("\"{}\" is {}: begin each section with {}", facts.name,
                                                              words_of(node.kind), brackets(facts)));
        for (const Node& child : node.children) {
            const std::string path = fmt::format("{}[{}]", facts.name, sections.size());
            if (child.kind == Node::Kind::table)
                read_section(path, sections.emplace_back(), child);
            else
                problems_.add(child.place, fmt::format("\"{}\" holds {}: begin each section with {}", facts.name,
                                                       words_of(child.kind), brackets(facts)));
        }
    }

    template <class Section>
    void read_section(const std::string& path, Section& section, const Node& table) {
        problems_.remember(path, table.place);
        std::vector<std::string_view> known;
        for (const auto& setting : settings_of<Section>()) known.push_back(setting.name);
        for (const Node& child : table.children) {
            const auto setting = std::ranges::find(settings_of<Section>(), child.name, &Setting<Section>::name);
            if (setting != settings_of<Section>().end())
                read_setting(path, section, *setting, child);
            else if (!read_inner_section(section, child))
                problems_.add(child.name_place, unknown_setting(path, child.name, known));
        }
    }

    template <class Section>
    void read_setting(const std::string& path, Section& section, const Setting<Section>& setting, const Node& node) {
        const std::string full = path + "." + node.name;
        problems_.remember(full, node.name_place);
        configuration_.origins.insert_or_assign(full, problems_.origin(node.name_place));
        if (const ValueProblem problem = setting.read(section, node, setting.bounds)) problems_.add(full, *problem);
    }

    // [[tls.certificates]] is the one section inside another.
    template <class Section>
    bool read_inner_section(Section& section, const Node& node) {
        if constexpr (std::is_same_v<Section, TlsSettings>) {
            if (node.name == "certificates") {
                read_member(certificates_facts, section.more_certificates, node);
                return true;
            }
        }
        return false;
    }

    Configuration& configuration_;
    Problems& problems_;
};

// --- environment

template <class Section>
Node node_from_environment(const Setting<Section>& setting, const std::string& text) {
    const bool is_bare = setting.kind == kind_words<bool> || setting.kind == kind_words<std::uint32_t> ||
                         setting.kind == kind_words<double>;
    if (is_bare || (setting.is_list && text.starts_with('['))) {
        if (auto document = parse_document("x = " + text); document && document->children.size() == 1)
            return document->children.front();
    }
    Node node;
    node.kind = Node::Kind::text;
    node.text = text;
    if (!setting.is_list) return node;
    Node list;
    list.kind = Node::Kind::list;
    for (const std::string_view part : split(text, ',')) {
        node.text = std::string(trimmed(part));
        if (!node.text.empty()) list.children.push_back(node);
    }
    return list;
}

void read_variable(const std::string& variable, const std::string& text, Configuration& configuration,
                   Problems& problems) {
    std::vector<std::string> known;
    bool found = false;
    for_each_section([&]<class Section>(const SectionFacts& facts, Section Configuration::* member) {
        if constexpr (!repeats<Section>) {
            for (const auto& setting : settings_of<Section>()) {
                const std::string name = fmt::format("RELEVO_{}__{}", to_upper(facts.name), to_upper(setting.name));
                known.push_back(name);
                if (name != variable) continue;
                found = true;
                configuration.origins.insert_or_assign(fmt::format("{}.{}", facts.name, setting.name),
                                                       "environment " + variable);
                const Node node = node_from_environment(setting, text);
                if (const auto problem = setting.read(configuration.*member, node, setting.bounds))
                    problems.add_environment(variable, *problem);
            }
        }
    });
    if (found) return;
    const std::vector<std::string_view> names(known.begin(), known.end());
    const auto near = nearest_name(variable, names);
    problems.add_environment(variable, near
                                           ? fmt::format("is unknown: did you mean {}?", *near)
                                           : "is unknown: unset it; only sections with single brackets have variables");
}

void read_environment(const Environment& environment, Configuration& configuration, Problems& problems) {
    for (const auto& [variable, text] : environment)
        if (variable.starts_with("RELEVO_") && variable.contains("__"))
            read_variable(variable, text, configuration, problems);
}

// --- the whole

Configuration read_all(std::string_view toml, const Environment& environment, Problems& problems) {
    Configuration configuration;
    const auto document = parse_document(toml);
    if (!document) {
        problems.add(document.error().place, "not TOML: " + document.error().text);
        return configuration;
    }
    FileReader(configuration, problems).read(*document);
    read_environment(environment, configuration, problems);
    // Contradictions among values that are wrong themselves would only confuse.
    if (problems.empty()) validate(configuration, problems);
    return configuration;
}

std::string system_host_name() {
    char name[256] = {};
    if (gethostname(name, sizeof(name) - 1) != 0) return "localhost";
    addrinfo hints{};
    hints.ai_flags = AI_CANONNAME;
    addrinfo* found = nullptr;
    std::string full = name;
    if (!full.contains('.') && getaddrinfo(name, nullptr, &hints, &found) == 0 && found != nullptr) {
        if (found->ai_canonname != nullptr) full = found->ai_canonname;
        freeaddrinfo(found);
    }
    return mail::parse_domain(full, mail::Utf8::refused).value_or("localhost");
}

}  // namespace

Environment process_environment() {
    Environment result;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = text.substr(0, equals);
        if (name.starts_with("RELEVO_") || name == "CREDENTIALS_DIRECTORY")
            result.emplace(name, text.substr(equals + 1));
    }
    return result;
}

Result<Configuration> parse_configuration(std::string_view toml, std::string_view file_name,
                                          const Environment& environment) {
    Problems problems(file_name);
    Configuration configuration = read_all(toml, environment, problems);
    if (!problems.empty()) return failure(ErrorKind::invalid, problems.text());
    return configuration;
}

Result<Configuration> parse_configuration(std::string_view toml, std::string_view file_name) {
    return parse_configuration(toml, file_name, {});
}

Result<Configuration> load_configuration(const std::string& path, const Environment& environment, NamedFiles files) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream)
        return failure(ErrorKind::not_found,
                       path + ": cannot be read: run `relevo setup`, or name another file with --config");
    const std::string toml{std::istreambuf_iterator<char>(stream), {}};
    if (stream.bad()) return failure(ErrorKind::io, path + ": reading failed: check the disk");
    Problems problems(path);
    Configuration configuration = read_all(toml, environment, problems);
    if (problems.empty() && files == NamedFiles::resolved) resolve_files(configuration, environment, problems);
    if (!problems.empty()) return failure(ErrorKind::invalid, problems.text());
    if (configuration.server.host_name.empty()) configuration.server.host_name = system_host_name();
    return configuration;
}

std::string_view name_of(ListenerPurpose value) { return choice_name(value); }
std::string_view name_of(ListenerTls value) { return choice_name(value); }
std::string_view name_of(ListenerAuth value) { return choice_name(value); }
std::string_view name_of(RouteMethod value) { return choice_name(value); }
std::string_view name_of(RouteSecurity value) { return choice_name(value); }

Octets Configuration::disk_reserve_on(Octets disk_octets) const {
    if (origins.contains("queue.disk_reserve")) return queue.disk_reserve;
    return std::min({queue.disk_reserve, std::max(disk_octets / 20, 64 * mebibyte), disk_octets / 4});
}

}  // namespace relevo

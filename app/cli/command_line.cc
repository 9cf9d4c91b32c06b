#include "app/cli/command_line.h"

#include "lib/base/result.h"
#include "lib/base/text.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <deque>
#include <fstream>
#include <iostream>
#include <map>

// The one file that compiles CLI11 (architecture §4).
#include <CLI/CLI.hpp>

namespace relevo::cli {
namespace {

// Where CLI11 puts the values of one option.
struct Slot {
    const OptionSpec* spec;
    CLI::Option* option = nullptr;
    std::string text;
    std::vector<std::string> list;
    std::int64_t number = 0;
    bool flag = false;
};
struct Leaf {
    const CommandSpec* command;
    CLI::App* app;
    std::deque<Slot> slots;
};

// "2027-01-31" becomes the first instant of that day in UTC; RFC 3339 stays as it is; "" means never.
Result<std::string> normalised_time(const std::string& text) {
    if (text.empty()) return text;
    constexpr std::string_view shape = "dddd-dd-dd";
    const auto fits = [&](std::size_t i) { return shape[i] == 'd' ? is_digit(text[i]) : text[i] == shape[i]; };
    bool is_day = text.size() >= shape.size();
    for (std::size_t i = 0; is_day && i < shape.size(); ++i) is_day = fits(i);
    if (is_day && text.size() == shape.size()) return text + "T00:00:00.000Z";
    if (is_day && to_lower(text[10]) == 't' && (text.ends_with('Z') || text.contains('+'))) return text;
    return failure(ErrorKind::invalid,
                   fmt::format("\"{}\" is no time: write it as 2027-01-31 or 2027-01-31T12:00:00Z", text));
}

// All of a file, "-" for standard input.
Result<std::string> whole_text(const std::string& path) {
    constexpr std::size_t limit_octets = 64UL * 1024;
    std::ifstream file;
    if (path != "-") file.open(path, std::ios::binary);
    std::istream& stream = path == "-" ? std::cin : file;
    std::string text(limit_octets + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.gcount() == 0) return failure(ErrorKind::io, fmt::format("{}: cannot be read or is empty", path));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > limit_octets) return failure(ErrorKind::limit, fmt::format("{}: is larger than 64 KiB", path));
    return text;
}

Result<std::string> first_line(const std::string& path) {
    std::ifstream file;
    if (path != "-") file.open(path);
    std::string line;
    if (!std::getline(path == "-" ? std::cin : file, line) || line.empty())
        return failure(ErrorKind::io, fmt::format("\"{}\" cannot be read or its first line is empty", path));
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

Result<boost::json::value> value_of(const Slot& slot) {
    switch (slot.spec->kind) {
        case OptionKind::text: return boost::json::value(slot.text);
        case OptionKind::number: return boost::json::value(slot.number);
        case OptionKind::flag: return boost::json::value(slot.flag);
        case OptionKind::time: {
            RELEVO_TRY(const std::string time, normalised_time(slot.text));
            return boost::json::value(time);
        }
        case OptionKind::secret_file: {
            RELEVO_TRY(const std::string secret, first_line(slot.text));
            return boost::json::value(secret);
        }
        case OptionKind::secret_text_file: {
            RELEVO_TRY(const std::string secret, whole_text(slot.text));
            return boost::json::value(secret);
        }
        case OptionKind::list:
        case OptionKind::files: break;
    }
    boost::json::array array;
    if (slot.spec->kind == OptionKind::files) {
        for (const std::string& name : slot.list) array.emplace_back(name);
        return boost::json::value(std::move(array));
    }
    for (const std::string& element : slot.list)
        for (const std::string_view part : split(element, ','))
            if (!trimmed(part).empty()) array.emplace_back(trimmed(part));
    return boost::json::value(std::move(array));
}

class Parser {
 public:
    Parser() : app_("Relevo, a mail relay.", "relevo") {
        app_.add_option("--config", configuration_path_, "Configuration file")
            ->type_name("FILE")
            ->capture_default_str();
        app_.add_flag("--json", json_, "Print the result as JSON");
        app_.require_subcommand(1);
        app_.get_formatter()->column_width(32);
        app_.set_version_flag("--version", RELEVO_VERSION);
        app_.fallthrough();
        for (const CommandSpec& command : command_table()) add(command);
    }

    std::expected<ParsedCommand, ParseEnd> parse(std::vector<std::string> arguments) {
        // CLI11 wants them in reverse.
        std::ranges::reverse(arguments);
        try {
            app_.parse(std::move(arguments));
        } catch (const CLI::ParseError& error) {
            return std::unexpected(end_of(error));
        }
        for (const Leaf& leaf : leaves_) {
            if (!leaf.app->parsed()) continue;
            if (leaf.app->get_subcommands().empty()) return taken(leaf);
            // "check auth FILE": what "check" itself would take does not belong there.
            for (const Slot& slot : leaf.slots)
                if (slot.option->count() != 0)
                    return std::unexpected(
                        ParseEnd{ExitCode::usage, fmt::format("relevo: too many words\nSee `relevo {} {} --help`.\n",
                                                              leaf.command->name, deepest()->get_name())});
        }
        return std::unexpected(ParseEnd{ExitCode::usage, app_.help()});
    }

    std::string reference() {
        std::string page = fmt::format(
            "# Commands\n\n"
            "Every command understands `--config FILE` and `--json`; `--help` prints what stands here. Exit codes: 0 "
            "done, "
            "1 a problem was found, 2 wrong usage, 3 the server cannot be reached.\n\n```text\n{}```\n",
            app_.help());
        for (const Leaf& leaf : leaves_)
            page += fmt::format("\n## relevo {}\n\n{}.\n\n```text\n{}```\n", leaf.command->name, leaf.command->summary,
                                help_of(*leaf.app));
        return page;
    }

 private:
    static std::string help_of(const CLI::App& app) {
        // CLI11 names only the last word of a command unless it is told the way to it.
        std::string way;
        for (const CLI::App* parent = app.get_parent(); parent != nullptr; parent = parent->get_parent())
            way.insert(0, parent->get_name() + (way.empty() ? "" : " "));
        return app.help(way);
    }

    void add(const CommandSpec& command) {
        CLI::App* parent = &app_;
        std::string_view name = command.name;
        if (const std::size_t space = name.rfind(' '); space != std::string_view::npos) {
            parent = group(std::string(name.substr(0, space)));
            name.remove_prefix(space + 1);
        }
        CLI::App* app = parent->add_subcommand(std::string(name), std::string(command.summary));
        app->fallthrough();
        // A command may be the group of others that come after it: "check", "check auth".
        if (parent == &app_) groups_.emplace(name, app);
        Leaf& leaf = leaves_.emplace_back(Leaf{&command, app, {}});
        for (const OptionSpec& option : command.options) add(leaf, option);
    }

    CLI::App* group(const std::string& name) {
        if (const auto known = groups_.find(name); known != groups_.end()) return known->second;
        const auto facts = std::ranges::find(command_groups(), name, &CommandGroup::name);
        const std::size_t space = name.rfind(' ');
        CLI::App* parent = space == std::string::npos ? &app_ : group(name.substr(0, space));
        CLI::App* app = parent->add_subcommand(space == std::string::npos ? name : name.substr(space + 1),
                                               facts == command_groups().end() ? "" : std::string(facts->summary));
        app->require_subcommand(1);
        app->fallthrough();
        groups_.emplace(name, app);
        return app;
    }

    static void add(Leaf& leaf, const OptionSpec& spec) {
        Slot& slot = leaf.slots.emplace_back(Slot{.spec = &spec, .text = {}, .list = {}});
        const std::string name(spec.name);
        const std::string meaning(spec.meaning);
        switch (spec.kind) {
            case OptionKind::flag: slot.option = leaf.app->add_flag(name, slot.flag, meaning); break;
            case OptionKind::number:
                slot.option = leaf.app->add_option(name, slot.number, meaning)
                                  ->check(CLI::Range(0, 1'000'000'000))
                                  ->type_name("NUMBER");
                break;
            case OptionKind::list:
                slot.option = leaf.app->add_option(name, slot.list, meaning)
                                  ->type_name("TEXT")
                                  ->type_size(1)
                                  ->expected(1)
                                  ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
                break;
            case OptionKind::files: slot.option = leaf.app->add_option(name, slot.list, meaning); break;
            default: slot.option = leaf.app->add_option(name, slot.text, meaning); break;
        }
        if (spec.kind == OptionKind::secret_file || spec.kind == OptionKind::secret_text_file)
            slot.option->type_name("FILE");
        if (spec.kind == OptionKind::time) slot.option->type_name("TIME");
        if (spec.required) slot.option->required();
    }

    ParseEnd end_of(const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr)
                return {ExitCode::ok, fmt::format("relevo {}\n", RELEVO_VERSION)};
            return {ExitCode::ok, help_of(*deepest())};
        }
        std::string text = fmt::format("relevo: {}\n", error.what());
        text += nearest();
        std::string name;
        for (const CLI::App* app = deepest(); app != nullptr && app != &app_; app = app->get_parent())
            name.insert(0, " " + app->get_name());
        return {ExitCode::usage, text + fmt::format("See `relevo{} --help`.\n", name)};
    }

    // The command that was reached before parsing ended.
    CLI::App* deepest() {
        CLI::App* app = &app_;
        while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
        return app;
    }

    std::string nearest() {
        std::vector<std::string> names;
        for (const CLI::App* child : deepest()->get_subcommands([](CLI::App*) { return true; }))
            names.push_back(child->get_name());
        const std::vector<std::string_view> candidates(names.begin(), names.end());
        for (const std::string& word : app_.remaining(true))
            if (const auto near = nearest_name(word, candidates)) return fmt::format("Did you mean \"{}\"?\n", *near);
        return {};
    }

    std::expected<ParsedCommand, ParseEnd> taken(const Leaf& leaf) {
        ParsedCommand parsed{leaf.command, {}, configuration_path_, json_};
        if (!leaf.command->fixed_arguments.empty())
            parsed.arguments = boost::json::parse(std::string(leaf.command->fixed_arguments)).as_object();
        for (const Slot& slot : leaf.slots) {
            if (slot.option->count() == 0) continue;
            auto value = value_of(slot);
            if (!value)
                return std::unexpected(
                    ParseEnd{ExitCode::usage, fmt::format("relevo: {}: {}\n", slot.spec->name, value.error().detail)});
            parsed.arguments[std::string(slot.spec->argument)] = *std::move(value);
        }
        return parsed;
    }

    CLI::App app_;
    std::string configuration_path_ = "/etc/relevo/relevo.toml";
    bool json_ = false;
    std::deque<Leaf> leaves_;
    std::map<std::string, CLI::App*> groups_;
};

}  // namespace

std::expected<ParsedCommand, ParseEnd> parse_command_line(const std::vector<std::string>& arguments) {
    return Parser().parse(arguments);
}

std::string command_reference() { return Parser().reference(); }

}  // namespace relevo::cli

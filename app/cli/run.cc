#include "app/cli/run.h"

#include "app/cli/check.h"
#include "app/cli/command_line.h"
#include "app/cli/completion.h"
#include "app/cli/doctor_bundle.h"
#include "app/cli/json_view.h"
#include "app/cli/lan_enroll.h"
#include "app/cli/lookup_commands.h"
#include "app/cli/manual_page.h"
#include "app/cli/options.h"
#include "app/cli/output.h"
#include "app/cli/performer.h"
#include "app/cli/render.h"
#include "app/cli/setup.h"
#include "app/cli/store_commands.h"
#include "app/cli/suppression_file.h"
#include "app/cli/top.h"
#include "app/configuration/reference.h"
#include "core/setup/check_item.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <unistd.h>

namespace relevo::cli {
namespace {

// Requests behind `relevo check`.
const CommandSpec server_check{.name = "check",
                               .request = "check.server",
                               .performer = Performer::server_or_store,
                               .summary = {},
                               .options = {},
                               .fixed_arguments = {}};
const CommandSpec domain_check{.name = "check",
                               .request = "check.domain",
                               .performer = Performer::server_or_store,
                               .summary = {},
                               .options = {},
                               .fixed_arguments = {}};

std::string_view language_word(mail::Language language) { return language == mail::Language::spanish ? "es" : "en"; }

// As check.server answers.
boost::json::object setup_item_json(const setup::CheckItem& item, mail::Language language) {
    return {{"id", item.id},
            {"group", setup::name_of(item.group)},
            {"title", setup::title_of_check(item.id).in(language)},
            {"subject", item.subject},
            {"status", setup::name_of(item.status)},
            {"found", item.found.in(language)},
            {"expected", nullptr},
            {"why", item.why.in(language)},
            {"action", item.action.in(language)}};
}

class Runner {
 public:
    Runner(const ParsedCommand& parsed, Commands& commands) : parsed_(parsed), commands_(commands) {}

    ExitCode run() {
        const std::string_view name = parsed_.command->name;
        if (!parsed_.command->request.empty()) return with_configuration(NamedFiles::ignored, &Runner::request);
        if (name == "serve") return with_configuration(NamedFiles::resolved, &Runner::serve);
        if (name == "setup") return set_up(parsed_, commands_, std::cout, std::cerr);
        if (name == "lan enroll") return enroll_office(parsed_, commands_, std::cout, std::cerr);
        if (name == "check") return check();
        if (name == "config check") return with_configuration(NamedFiles::resolved, &Runner::config_check);
        if (name == "config show") return with_configuration(NamedFiles::ignored, &Runner::config_show);
        if (name == "config reference") return config_reference();
        if (name == "doctor-bundle") return doctor_bundle();
        if (name == "completion") return completion();
        if (name == "manual-page") return page_for_man();
        if (name == "top") return with_configuration(NamedFiles::ignored, &Runner::top);
        if (is_store_command(*parsed_.command)) return keep_store();
        if (name == "sink") return sink();
        if (name == "send-test") return send_test();
        if (is_lookup(*parsed_.command)) return look_up();
        return version();
    }

 private:
    ExitCode with_configuration(NamedFiles files, ExitCode (Runner::*action)(const Configuration&)) {
        const auto configuration = load_configuration(parsed_.configuration_path, process_environment(), files);
        if (!configuration) return problem(configuration.error());
        return (this->*action)(*configuration);
    }

    ExitCode problem(const Error& error, ExitCode code = ExitCode::problem) {
        print_problem(parsed_.json, name_of(error.kind), error.detail);
        return code;
    }

    ExitCode serve(const Configuration& configuration) {
        return ExitCode{commands_.serve(configuration, parsed_.configuration_path)};
    }

    // --- what could keep mail from being sent and accepted

    ExitCode check() {
        const auto configuration = load_configuration(parsed_.configuration_path, process_environment());
        const auto language = output_language(configuration ? configuration->server.language : mail::Language::english);
        if (!language) return problem(language.error(), ExitCode::usage);
        if (parsed_.arguments.contains("domain")) {
            if (!configuration) return problem(configuration.error());
            return check_domain(*configuration, *language);
        }
        boost::json::array items;
        for (const setup::CheckItem& item : check_machine(parsed_.configuration_path, configuration))
            items.push_back(setup_item_json(item, *language));
        if (configuration) append_network(items, *configuration, *language);
        return show_items({{"items", std::move(items)}}, *language);
    }

    ExitCode check_domain(const Configuration& configuration, mail::Language language) {
        const Performed performed = RequestPerformer(configuration, commands_)
                                        .perform(domain_check, {{"domain", text_of(parsed_.arguments, "domain")},
                                                                {"language", language_word(language)}});
        if (performed.code != ExitCode::ok) return show(performed);
        return show_items(performed.result.get_object(), language);
    }

    // What the network shows of this server; its failure is a finding too.
    void append_network(boost::json::array& items, const Configuration& configuration, mail::Language language) {
        const Performed performed =
            RequestPerformer(configuration, commands_).perform(server_check, {{"language", language_word(language)}});
        for (const boost::json::value& item : elements(performed.result, "items")) items.push_back(item);
        if (performed.code == ExitCode::ok) return;
        setup::CheckItem item;
        item.id = "machine.network-checks";
        item.group = setup::CheckGroup::machine;
        item.status = setup::CheckStatus::skipped;
        item.found = setup::same(performed.problem);
        items.push_back(setup_item_json(item, language));
    }

    ExitCode show_items(boost::json::object answer, mail::Language language) {
        const boost::json::value whole(std::move(answer));
        const boost::json::array& items = elements(whole, "items");
        const bool failed =
            std::ranges::any_of(items, [](const boost::json::value& item) { return text(item, "status") == "fail"; });
        if (parsed_.json) {
            boost::json::object shown = whole.get_object();
            shown["failed"] = failed;
            std::cout << json_text(shown);
        } else {
            std::cout << render_items(items, language);
        }
        return failed ? ExitCode::problem : ExitCode::ok;
    }

    Result<mail::Language> output_language(mail::Language fallback) const {
        const std::string word = text_of(parsed_.arguments, "language");
        if (word.empty()) return fallback;
        auto language = mail::parse_language(word);
        if (!language) return failure(ErrorKind::invalid, "--language: use es or en");
        return language;
    }

    ExitCode config_check(const Configuration& /*configuration*/) {
        if (parsed_.json)
            std::cout << json_text(boost::json::object{{"valid", true}, {"file", parsed_.configuration_path}});
        else
            std::cout << fmt::format("{} is valid\n", parsed_.configuration_path);
        return ExitCode::ok;
    }

    ExitCode config_show(const Configuration& configuration) {
        if (!parsed_.json) {
            std::cout << write_configuration(configuration);
            return ExitCode::ok;
        }
        boost::json::array settings;
        for (const SettingInForce& setting : settings_in_force(configuration))
            settings.push_back(boost::json::object{{"setting", setting.path},
                                                   {"value", setting.value},
                                                   {"origin", setting.origin},
                                                   {"needs_restart", setting.needs_restart}});
        std::cout << json_text(boost::json::object{{"settings", std::move(settings)}});
        return ExitCode::ok;
    }

    ExitCode config_reference() {
        const std::string language = text_of(parsed_.arguments, "language", "en");
        if (language != "en" && language != "es")
            return problem({ErrorKind::invalid, "--language: use es or en"}, ExitCode::usage);
        const auto chosen = language == "es" ? mail::Language::spanish : mail::Language::english;
        const std::string page = flag_of(parsed_.arguments, "sample") ? write_sample(sample_configuration(), chosen)
                                                                      : configuration_reference(chosen);
        return print_text(page);
    }

    ExitCode print_text(const std::string& text) {
        std::cout << (parsed_.json ? json_text(boost::json::object{{"text", text}}) : text);
        return ExitCode::ok;
    }

    ExitCode doctor_bundle() {
        const std::string file = text_of(parsed_.arguments, "file");
        const auto configuration =
            load_configuration(parsed_.configuration_path, process_environment(), NamedFiles::ignored);
        const auto written = write_doctor_bundle(file, parsed_.configuration_path, configuration, commands_);
        if (!written) return problem(written.error());
        if (parsed_.json)
            std::cout << json_text(boost::json::object{{"file", file}});
        else
            std::cout << fmt::format("{} is a text: read it before you hand it on.\n", file);
        return ExitCode::ok;
    }

    ExitCode completion() {
        const auto script = completion_script(text_of(parsed_.arguments, "shell"));
        return script ? print_text(*script) : problem(script.error(), ExitCode::usage);
    }

    ExitCode page_for_man() {
        const std::string page = text_of(parsed_.arguments, "page");
        if (page == "relevo") return print_text(manual_page());
        if (page == "relevo.toml") return print_text(configuration_manual_page());
        return problem({ErrorKind::invalid, "PAGE: use relevo or relevo.toml"}, ExitCode::usage);
    }

    ExitCode sink() {
        auto options = sink_options(parsed_.arguments);
        if (!options) return problem(options.error(), ExitCode::usage);
        options->json = parsed_.json;
        return ExitCode{commands_.sink(*options)};
    }

    ExitCode send_test() {
        const auto configuration =
            load_configuration(parsed_.configuration_path, process_environment(), NamedFiles::ignored);
        auto options = send_test_options(parsed_.arguments, configuration ? &*configuration : nullptr);
        if (!options) return problem(options.error(), ExitCode::usage);
        options->json = parsed_.json;
        return ExitCode{commands_.send_test(*options)};
    }

    ExitCode look_up() {
        // Anyone may look things up, on a machine without a configuration too; a broken one is not passed over.
        const auto configuration =
            load_configuration(parsed_.configuration_path, process_environment(), NamedFiles::ignored);
        if (!configuration && ::access(parsed_.configuration_path.c_str(), F_OK) == 0 &&
            ::access(parsed_.configuration_path.c_str(), R_OK) == 0)
            return problem(configuration.error());
        auto options = lookup_options(*parsed_.command, parsed_.arguments, configuration ? &*configuration : nullptr);
        if (!options) return problem(options.error(), ExitCode::usage);
        options->json = parsed_.json;
        if (options->lookup == Lookup::address && !options->tenant.empty()) {
            if (!configuration) return problem(configuration.error());
            options->history_of = [this, &configuration,
                                   tenant = options->tenant](const std::vector<std::string>& addresses) {
                return history_of(*configuration, tenant, addresses);
            };
        }
        return ExitCode{commands_.look_up(*options)};
    }

    // Asks the server, or the store if none runs.
    Result<std::map<std::string, addresscheck::History>> history_of(const Configuration& configuration,
                                                                    const std::string& tenant,
                                                                    const std::vector<std::string>& addresses) {
        constexpr std::size_t at_once = 500;
        const CommandSpec question{.name = parsed_.command->name,
                                   .request = "address.history",
                                   .performer = Performer::server_or_store,
                                   .summary = {},
                                   .options = {},
                                   .fixed_arguments = {}};
        RequestPerformer performer(configuration, commands_);
        std::map<std::string, addresscheck::History> found;
        for (std::size_t begin = 0; begin < addresses.size(); begin += at_once) {
            boost::json::array part;
            for (std::size_t i = begin; i < std::min(addresses.size(), begin + at_once); ++i)
                part.emplace_back(addresses[i]);
            const Performed answer = performer.perform(question, {{"tenant", tenant}, {"addresses", std::move(part)}});
            if (answer.code != ExitCode::ok) return failure(ErrorKind::refused, answer.problem);
            for (const auto& entry : elements(answer.result, "remembered"))
                found.emplace(text(entry, "address"),
                              addresscheck::History{.suppressed = text(entry, "suppressed", ""),
                                                    .bounced = member(entry, "bounced") == true});
        }
        return found;
    }

    ExitCode keep_store() {
        const auto configuration =
            load_configuration(parsed_.configuration_path, process_environment(), NamedFiles::ignored);
        const auto options = store_options(*parsed_.command, parsed_.arguments);
        if (!options) return problem(options.error(), ExitCode::usage);
        const bool needs_configuration = options->command == StoreCommand::backup_create ||
                                         options->command == StoreCommand::doctor ||
                                         options->command == StoreCommand::export_tenant;
        if (!configuration && needs_configuration)
            return problem(configuration.error(),
                           options->command == StoreCommand::doctor ? ExitCode::unreachable : ExitCode::problem);
        StoreOptions complete = *options;
        complete.configuration_path = parsed_.configuration_path;
        complete.json = parsed_.json;
        return ExitCode{commands_.keep_store(complete, configuration ? &*configuration : nullptr)};
    }

    ExitCode version() {
        if (parsed_.json)
            std::cout << json_text(boost::json::object{{"version", RELEVO_VERSION}});
        else
            std::cout << "relevo " << RELEVO_VERSION << "\n";
        return ExitCode::ok;
    }

    // --- requests to the server or the store

    ExitCode request(const Configuration& configuration) {
        if (parsed_.command->name == "domain dns") return domain_dns(configuration);
        if (parsed_.command->name == "domain add") return domain_add(configuration);
        if (parsed_.command->name == "suppression import") return import_suppressions(configuration);
        if (parsed_.command->name == "suppression export") return export_suppressions(configuration);
        RequestPerformer performer(configuration, commands_);
        boost::json::object arguments = parsed_.arguments;
        if (parsed_.command->confirmation == Confirmation::after_count) {
            const bool agreed = flag_of(arguments, "yes") || flag_of(arguments, "dry_run");
            arguments.erase("yes");
            if (arguments.size() ==
                static_cast<std::size_t>(arguments.contains("reason") + arguments.contains("dry_run")))
                return problem(
                    {ErrorKind::invalid, "which mail? Name some with --id, --destination and so on, or give --all"},
                    ExitCode::usage);
            if (!agreed)
                if (const ExitCode code = confirm(performer, arguments); code != ExitCode::ok) return code;
        }
        return show(performer.perform(*parsed_.command, arguments));
    }

    ExitCode top(const Configuration& configuration) {
        const auto given = [&](const char* name, std::int64_t usual) {
            const boost::json::value* found = parsed_.arguments.if_contains(name);
            return found != nullptr ? found->to_number<std::int64_t>() : usual;
        };
        TopOptions options{.interval = std::chrono::seconds(std::clamp<std::int64_t>(given("interval", 2), 1, 3600)),
                           .once = flag_of(parsed_.arguments, "once"),
                           .json = parsed_.json,
                           .limit = std::clamp<std::int64_t>(given("limit", 10), 1, 100)};
        if (!options.once && !options.json && (isatty(STDOUT_FILENO) == 0 || isatty(STDIN_FILENO) == 0))
            return problem({ErrorKind::invalid, "there is no terminal here: add --once"}, ExitCode::usage);
        RequestPerformer performer(configuration, commands_);
        return show_top(performer, options);
    }

    ExitCode domain_dns(const Configuration& configuration) {
        boost::json::object arguments = parsed_.arguments;
        const bool zone = flag_of(arguments, "zone"), service = flag_of(arguments, "service");
        arguments.erase("zone");
        arguments.erase("service");
        const Performed performed = RequestPerformer(configuration, commands_).perform(*parsed_.command, arguments);
        if (performed.code != ExitCode::ok || !zone || parsed_.json) return show(performed);
        std::cout << text(performed.result, service ? "service_zone_text" : "zone_text", "");
        return ExitCode::ok;
    }

    // Followed by the records that the domain must publish: nothing can be sent before some of them are there.
    ExitCode domain_add(const Configuration& configuration) {
        RequestPerformer performer(configuration, commands_);
        const Performed added = performer.perform(*parsed_.command, parsed_.arguments);
        if (added.code != ExitCode::ok || parsed_.json) return show(added);
        const std::string name = text(added.result, "name");
        const Performed plan = performer.perform(
            *find_command("domain dns"),
            {{"domain", name}, {"language", language_word(configuration.server.language)}, {"look", false}});
        if (plan.code != ExitCode::ok) return show(added);
        std::cout << fmt::format("{} ({})\n\n", printable(name), printable(text(added.result, "id")))
                  << render("domain.dns", plan.result);
        return ExitCode::ok;
    }

    ExitCode import_suppressions(const Configuration& configuration) {
        RequestPerformer performer(configuration, commands_);
        const auto counts = import_list(performer, *parsed_.command, parsed_.arguments);
        if (!counts) return problem(counts.error());
        if (parsed_.json)
            std::cout << json_text(*counts);
        else
            std::cout << render("suppression.import", *counts);
        return elements(*counts, "problems").empty() ? ExitCode::ok : ExitCode::problem;
    }

    ExitCode export_suppressions(const Configuration& configuration) {
        RequestPerformer performer(configuration, commands_);
        const auto exported = export_list(performer, *parsed_.command, parsed_.arguments, std::cout);
        return exported ? ExitCode::ok : problem(exported.error());
    }

    ExitCode confirm(RequestPerformer& performer, boost::json::object arguments) {
        if (parsed_.json || isatty(STDIN_FILENO) == 0)
            return problem({ErrorKind::invalid, "nobody can be asked here: add --yes, or --dry-run to count first"},
                           ExitCode::usage);
        arguments["dry_run"] = true;
        const Performed counted = performer.perform(*parsed_.command, arguments);
        if (const ExitCode code = show(counted); code != ExitCode::ok) return code;
        if (number(counted.result, "count") == 0) return ExitCode::problem;
        std::cout << "Go on? [y/N] " << std::flush;
        std::string answer;
        std::getline(std::cin, answer);
        return answer == "y" || answer == "yes" || answer == "s" ? ExitCode::ok : ExitCode::problem;
    }

    ExitCode show(const Performed& performed) {
        if (performed.code != ExitCode::ok) {
            print_problem(parsed_.json, text(performed.error, "kind"), performed.problem);
            return performed.code;
        }
        if (parsed_.json)
            std::cout << json_text(performed.result);
        else if (parsed_.command->request == "message.content")
            std::cout << decode_base64(text(performed.result, "content", "")).value_or("");
        else
            std::cout << render(parsed_.command->request, performed.result);
        return ExitCode::ok;
    }

    const ParsedCommand& parsed_;
    Commands& commands_;
};

}  // namespace

int run(int argc, char** argv, Commands& commands) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto parsed = parse_command_line(arguments);
    if (!parsed) {
        (parsed.error().code == ExitCode::ok ? std::cout : std::cerr) << parsed.error().text;
        return static_cast<int>(parsed.error().code);
    }
    const ExitCode code = Runner(*parsed, commands).run();
    std::cout.flush();
    return static_cast<int>(code);
}

}  // namespace relevo::cli

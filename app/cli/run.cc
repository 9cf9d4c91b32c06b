#include "app/cli/run.h"

#include "app/cli/check.h"
#include "app/cli/command_line.h"
#include "app/cli/json_view.h"
#include "app/cli/options.h"
#include "app/cli/output.h"
#include "app/cli/performer.h"
#include "app/cli/render.h"
#include "app/cli/setup.h"
#include "app/configuration/reference.h"
#include "lib/base/base64.h"

#include <fmt/format.h>

#include <iostream>
#include <unistd.h>

namespace relevo::cli {
namespace {

class Runner {
 public:
    Runner(const ParsedCommand& parsed, Commands& commands) : parsed_(parsed), commands_(commands) {}

    ExitCode run() {
        const std::string_view name = parsed_.command->name;
        if (!parsed_.command->request.empty()) return with_configuration(NamedFiles::ignored, &Runner::request);
        if (name == "serve") return with_configuration(NamedFiles::resolved, &Runner::serve);
        if (name == "setup") return set_up(parsed_, commands_, std::cout, std::cerr);
        if (name == "check") return check();
        if (name == "config check") return with_configuration(NamedFiles::resolved, &Runner::config_check);
        if (name == "config show") return with_configuration(NamedFiles::ignored, &Runner::config_show);
        if (name == "config reference") return config_reference();
        if (name == "sink") return sink();
        if (name == "send-test") return send_test();
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

    ExitCode check() {
        const auto configuration = load_configuration(parsed_.configuration_path, process_environment());
        const std::vector<CheckItem> items = check_everything(parsed_.configuration_path, configuration, commands_);
        std::cout << (parsed_.json ? json_text(items_as_json(items)) : items_as_text(items));
        return has_failures(items) ? ExitCode::problem : ExitCode::ok;
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
        std::cout << (parsed_.json ? json_text(boost::json::object{{"text", page}}) : page);
        return ExitCode::ok;
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

    ExitCode version() {
        if (parsed_.json)
            std::cout << json_text(boost::json::object{{"version", RELEVO_VERSION}});
        else
            std::cout << "relevo " << RELEVO_VERSION << "\n";
        return ExitCode::ok;
    }

    // --- requests to the server or the store

    ExitCode request(const Configuration& configuration) {
        RequestPerformer performer(configuration, commands_);
        boost::json::object arguments = parsed_.arguments;
        if (parsed_.command->confirmation == Confirmation::after_count) {
            const bool agreed = flag_of(arguments, "yes") || flag_of(arguments, "dry_run");
            arguments.erase("yes");
            if (arguments.size() ==
                static_cast<std::size_t>(arguments.contains("reason") + arguments.contains("dry_run")))
                return problem({ErrorKind::invalid, "which mail? Name some with --id, --site and so on, or give --all"},
                               ExitCode::usage);
            if (!agreed)
                if (const ExitCode code = confirm(performer, arguments); code != ExitCode::ok) return code;
        }
        return show(performer.perform(*parsed_.command, arguments));
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

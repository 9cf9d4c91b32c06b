#include "app/cli/setup.h"

#include "app/cli/first_files.h"
#include "app/cli/json_view.h"
#include "app/cli/options.h"
#include "app/cli/output.h"
#include "app/cli/performer.h"
#include "app/cli/render.h"
#include "app/configuration/reference.h"

#include <fmt/format.h>

#include <iostream>
#include <unistd.h>

namespace relevo::cli {
namespace {

struct Answers {
    std::string host_name, domain, tenant, language, data_dir, run_dir, user;
    bool certificates = false;
};

class Setup {
 public:
    Setup(const ParsedCommand& parsed, Commands& commands, std::ostream& out)
        : parsed_(parsed), commands_(commands), out_(out) {}

    Result<void> run() {
        RELEVO_CHECK(collect());
        RELEVO_CHECK(find_user());
        RELEVO_CHECK(write_file());
        RELEVO_CHECK(make_folders());
        RELEVO_CHECK(files_.become_user());
        RELEVO_CHECK(create_rows());
        print();
        return {};
    }

 private:
    // --- what is wanted

    std::string answer(std::string_view name, std::string_view question, const std::string& fallback) {
        if (parsed_.arguments.contains(name)) return text_of(parsed_.arguments, name);
        if (flag_of(parsed_.arguments, "yes") || isatty(STDIN_FILENO) == 0) return fallback;
        std::cerr << question << (fallback.empty() ? "" : " [" + fallback + "]") << ": " << std::flush;
        std::string line;
        std::getline(std::cin, line);
        return line.empty() ? fallback : line;
    }

    // A person is asked; otherwise only who says so has agreed to the terms of the authority.
    bool wants_certificates() {
        if (flag_of(parsed_.arguments, "certificates")) return true;
        const std::string said = answer(
            "", "Certificates by themselves from Let's Encrypt, over port 80 (you agree to its terms)? y or n", "n");
        return said == "y" || said == "yes" || said == "s" || said == "si";
    }

    Result<void> collect() {
        char name[256] = {};
        gethostname(name, sizeof(name) - 1);
        const Configuration defaults;
        answers_.host_name = answer("host_name", "Full name of this server", name);
        answers_.domain = answer("domain", "Domain that will send", "");
        if (answers_.domain.empty())
            return failure(ErrorKind::invalid, "which domain will send? Give --domain example.com");
        answers_.tenant = answer("tenant", "Name of the first tenant", answers_.domain);
        answers_.language = answer("language", "Language, es or en", "en");
        if (answers_.language != "es" && answers_.language != "en")
            return failure(ErrorKind::invalid, "--language: use es or en");
        answers_.certificates = wants_certificates();
        answers_.data_dir = text_of(parsed_.arguments, "data_dir", defaults.server.data_dir);
        answers_.run_dir = text_of(parsed_.arguments, "run_dir", defaults.server.run_dir);
        answers_.user = text_of(parsed_.arguments, "user", geteuid() == 0 ? "relevo" : "");
        return {};
    }

    Result<void> find_user() {
        RELEVO_TRY(files_, FirstFiles::of_user(answers_.user, answers_.data_dir));
        return {};
    }

    // --- files

    Result<void> write_file() {
        Configuration sample = sample_configuration();
        sample.server.host_name = answers_.host_name;
        sample.server.user = answers_.user;
        sample.server.data_dir = answers_.data_dir;
        sample.server.run_dir = answers_.run_dir;
        if (answers_.certificates) {
            sample.acme.enabled = true;
            HttpSettings challenges = sample.http.front();
            for (Endpoint& endpoint : challenges.address) endpoint.port = 80;
            challenges.tls = challenges.api = challenges.console = false;
            sample.http.push_back(std::move(challenges));
        }
        const auto language = answers_.language == "es" ? mail::Language::spanish : mail::Language::english;
        sample.server.language = language;
        const std::string toml = write_sample(sample, language);
        // Read again, so that what follows sees what the server will see, names in their canonical spelling.
        RELEVO_TRY(configuration_, parse_configuration(toml, parsed_.configuration_path));
        RELEVO_TRY(written_, files_.write_configuration(parsed_.configuration_path, toml));
        if (written_ == parsed_.configuration_path) return {};
        RELEVO_TRY(configuration_,
                   load_configuration(parsed_.configuration_path, process_environment(), NamedFiles::ignored));
        return {};
    }

    Result<void> make_folders() {
        RELEVO_CHECK(files_.make_folder(configuration_.server.data_dir, 0700));
        return files_.make_folder(configuration_.server.run_dir, 0755);
    }

    // --- rows

    Result<boost::json::value> perform(std::string_view command, const boost::json::object& arguments) {
        RequestPerformer performer(configuration_, commands_);
        Performed performed = performer.perform(*find_command(command), arguments);
        if (performed.code != ExitCode::ok)
            return failure(ErrorKind::invalid, fmt::format("{}: {}", command, performed.problem));
        return std::move(performed.result);
    }

    Result<void> create_rows() {
        RELEVO_TRY(const auto tenant,
                   perform("tenant add", {{"name", answers_.tenant}, {"language", answers_.language}}));
        RELEVO_TRY(
            const auto domain,
            perform("domain add", {{"tenant", answers_.tenant}, {"domain", answers_.domain}, {"trusted", true}}));
        RELEVO_TRY(credential_, perform("credential add", {{"tenant", answers_.tenant}, {"label", "setup"}}));
        RELEVO_TRY(submission_, perform("settings", {}));
        // Not where there is a user already, or the configuration in force serves no console.
        if (const auto link = perform("user setup-link", {})) console_link_ = text(*link, "url");
        return {};
    }

    // --- what to do next

    void print() {
        const std::string login = text(credential_, "login");
        const std::string password = text(credential_, "password");
        if (parsed_.json) {
            out_ << json_text(boost::json::object{{"configuration", written_},
                                                  {"host_name", configuration_.server.host_name},
                                                  {"tenant", answers_.tenant},
                                                  {"domain", answers_.domain},
                                                  {"login", login},
                                                  {"password", password},
                                                  {"console", console_link_}});
            return;
        }
        out_ << fmt::format(
            "Configuration: {0}\n"
            "Data:          {1}\n\n"
            "For mail programs (the password is shown this once):\n"
            "{6}"
            "User:      {3}\n"
            "Password:  {4}\n\n"
            "Next: `relevo domain dns {5}` shows what its DNS must hold, `relevo check` what else is missing.\n"
            "Start the server with `systemctl start relevo` or `relevo serve`, then\n"
            "  swaks --server {2}:587 --tls --auth-user {3} --auth-password {4} \\\n"
            "        --from test@{5} --to YOUR-ADDRESS\n",
            written_, configuration_.server.data_dir, configuration_.server.host_name, login, password, answers_.domain,
            render_submission(submission_));
        out_ << (configuration_.acme.enabled
                     ? fmt::format(
                           "\nPort 80 of {} must reach this machine from everywhere: then its certificate comes by "
                           "itself within a minute of the\nstart (`relevo certificate list`).\n",
                           configuration_.server.host_name)
                     : "\nThe certificate is self-signed until tls.certificate names another or [acme] is enabled.\n");
        if (!console_link_.empty())
            out_ << fmt::format(
                "\nThe web console, once the server runs; this makes its administrator (works once, for 7 days):\n  "
                "{}\n",
                console_link_);
        if (written_ != parsed_.configuration_path)
            out_ << fmt::format("\n{} was there already and is still in force: compare the two.\n",
                                parsed_.configuration_path);
    }

    const ParsedCommand& parsed_;
    Commands& commands_;
    std::ostream& out_;
    Answers answers_;
    FirstFiles files_;
    std::string written_;
    Configuration configuration_;
    boost::json::value credential_, submission_;
    std::string console_link_;  // empty: none
};

}  // namespace

ExitCode set_up(const ParsedCommand& parsed, Commands& commands, std::ostream& out, std::ostream& errors) {
    const auto done = Setup(parsed, commands, out).run();
    if (done) return ExitCode::ok;
    if (parsed.json)
        print_problem(true, name_of(done.error().kind), done.error().detail);
    else
        errors << "relevo: " << done.error().detail << "\n";
    return done.error().kind == ErrorKind::invalid ? ExitCode::usage : ExitCode::problem;
}

}  // namespace relevo::cli

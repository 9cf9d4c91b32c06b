#include "app/cli/setup.h"

#include "app/cli/json_view.h"
#include "app/cli/options.h"
#include "app/cli/output.h"
#include "app/cli/performer.h"
#include "app/configuration/reference.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <iostream>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relevo::cli {
namespace {

std::string reason() { return std::strerror(errno); }

struct Answers {
    std::string host_name, domain, tenant, language, data_dir, run_dir, user;
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
        RELEVO_CHECK(become_user());
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
        answers_.data_dir = text_of(parsed_.arguments, "data_dir", defaults.server.data_dir);
        answers_.run_dir = text_of(parsed_.arguments, "run_dir", defaults.server.run_dir);
        answers_.user = text_of(parsed_.arguments, "user", geteuid() == 0 ? "relevo" : "");
        return {};
    }

    Result<void> find_user() {
        if (answers_.user.empty()) return {};
        const passwd* entry = getpwnam(answers_.user.c_str());
        if (entry == nullptr)
            return failure(
                ErrorKind::not_found,
                fmt::format("there is no user \"{0}\": make it with `useradd --system --home-dir {1} --shell "
                            "/usr/sbin/nologin {0}`, or name another with --user",
                            answers_.user, answers_.data_dir));
        user_id_ = entry->pw_uid;
        group_id_ = entry->pw_gid;
        return {};
    }

    // --- files

    Result<void> write_file() {
        Configuration sample = sample_configuration();
        sample.server.host_name = answers_.host_name;
        sample.server.user = answers_.user;
        sample.server.data_dir = answers_.data_dir;
        sample.server.run_dir = answers_.run_dir;
        const auto language = answers_.language == "es" ? mail::Language::spanish : mail::Language::english;
        sample.server.language = language;
        const std::string toml = write_sample(sample, language);
        const std::filesystem::path path(parsed_.configuration_path);
        std::error_code problem;
        if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), problem);
        written_ = parsed_.configuration_path;
        // Read again, so that what follows sees what the server will see, names in their canonical spelling.
        RELEVO_TRY(configuration_, parse_configuration(toml, written_));
        if (!create(written_, toml)) {
            if (errno != EEXIST) return failure(ErrorKind::io, fmt::format("{}: {}", written_, reason()));
            written_ += ".new";
            if (!create(written_, toml))
                return failure(ErrorKind::conflict, fmt::format("{}: {}: compare it with {} and move it away", written_,
                                                                reason(), parsed_.configuration_path));
            RELEVO_TRY(configuration_,
                       load_configuration(parsed_.configuration_path, process_environment(), NamedFiles::ignored));
        }
        return {};
    }

    // Never overwrites.
    bool create(const std::string& path, const std::string& text) {
        const int descriptor = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0640);
        if (descriptor < 0) return false;
        const bool complete = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                              (user_id_ == 0 || fchown(descriptor, geteuid(), group_id_) == 0) &&
                              fsync(descriptor) == 0;
        const int saved = errno;
        close(descriptor);
        if (!complete) unlink(path.c_str());
        errno = saved == EEXIST ? EIO : saved;
        return complete;
    }

    Result<void> make_folders() {
        RELEVO_CHECK(make_folder(configuration_.server.data_dir, 0700));
        return make_folder(configuration_.server.run_dir, 0755);
    }

    Result<void> make_folder(const std::string& folder, mode_t mode) {
        std::error_code problem;
        const bool made = std::filesystem::create_directories(folder, problem);
        if (problem) return failure(ErrorKind::io, fmt::format("{}: {}", folder, problem.message()));
        if (made && chmod(folder.c_str(), mode) != 0)
            return failure(ErrorKind::io, fmt::format("{}: {}", folder, reason()));
        if (made && user_id_ != 0 && chown(folder.c_str(), user_id_, group_id_) != 0)
            return failure(ErrorKind::io, fmt::format("{}: {}", folder, reason()));
        return {};
    }

    // So that the store's files belong to the user that the server runs as.
    Result<void> become_user() {
        if (user_id_ == 0 || geteuid() != 0) return {};
        if (initgroups(answers_.user.c_str(), group_id_) != 0 || setgid(group_id_) != 0 || setuid(user_id_) != 0)
            return failure(ErrorKind::refused, fmt::format("cannot become {}: {}", answers_.user, reason()));
        return {};
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
                                                  {"password", password}});
            return;
        }
        out_ << fmt::format(
            "Configuration: {0}\n"
            "Data:          {1}\n\n"
            "For mail programs (the password is shown this once):\n"
            "  Server:    {2}\n"
            "  Port:      587 with STARTTLS, or 465 with TLS\n"
            "  User:      {3}\n"
            "  Password:  {4}\n\n"
            "Next: `relevo domain dns {5}` shows what its DNS must hold, `relevo check` what else is missing.\n"
            "Start the server with `systemctl start relevo` or `relevo serve`, then\n"
            "  swaks --server {2}:587 --tls --auth-user {3} --auth-password {4} \\\n"
            "        --from test@{5} --to YOUR-ADDRESS\n",
            written_, configuration_.server.data_dir, configuration_.server.host_name, login, password,
            answers_.domain);
        if (written_ != parsed_.configuration_path)
            out_ << fmt::format("\n{} was there already and is still in force: compare the two.\n",
                                parsed_.configuration_path);
    }

    const ParsedCommand& parsed_;
    Commands& commands_;
    std::ostream& out_;
    Answers answers_;
    uid_t user_id_ = 0;  // 0: stay who we are
    gid_t group_id_ = 0;
    std::string written_;
    Configuration configuration_;
    boost::json::value credential_;
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

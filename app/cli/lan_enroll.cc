#include "app/cli/lan_enroll.h"

#include "app/cli/first_files.h"
#include "app/cli/json_view.h"
#include "app/cli/options.h"
#include "app/cli/output.h"
#include "app/cli/performer.h"
#include "app/configuration/reference.h"
#include "app/configuration/value.h"
#include "core/lan/token.h"
#include "core/tenancy/secret.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <unistd.h>

namespace relevo::cli {
namespace {

constexpr std::string_view tenant_name = "office";
constexpr std::array usual_networks = {"127.0.0.0/8",    "10.0.0.0/8", "172.16.0.0/12",
                                       "192.168.0.0/16", "::1/128",    "fc00::/7"};

std::string hexadecimal(std::string_view octets) {
    std::string text;
    for (const char octet : octets) text += fmt::format("{:02x}", static_cast<unsigned char>(octet));
    return text;
}

class Enrolling {
 public:
    Enrolling(const ParsedCommand& parsed, Commands& commands, std::ostream& out)
        : parsed_(parsed), commands_(commands), out_(out) {}

    Result<void> run() {
        RELEVO_CHECK(collect());
        RELEVO_TRY(trust_, commands_.look_at_relay(relay_));
        RELEVO_CHECK(write_files());
        if (auto enrolled = enrol(); !enrolled.has_value()) {
            ::unlink(written_.c_str());
            ::unlink(office_.routes.front().password_file.c_str());
            return enrolled;
        }
        RELEVO_CHECK(files_.become_user());
        RELEVO_CHECK(create_rows());
        print();
        return {};
    }

 private:
    // --- what is wanted

    Result<void> collect() {
        const std::string text = text_of(parsed_.arguments, "token", text_of(parsed_.arguments, "token_text"));
        if (text.empty())
            return failure(ErrorKind::invalid,
                           "which token? Give --token or --token-file; whoever runs the central "
                           "relay makes one with `relevo lan token create`");
        RELEVO_TRY(token_, parse_lan_token(text));
        relay_ = {.host = token_.host, .port = token_.port, .key_sha256 = token_.key_sha256};
        RELEVO_CHECK(read_server(text_of(parsed_.arguments, "server")));
        const std::string language = text_of(parsed_.arguments, "language", "en");
        RELEVO_TRY(language_, mail::parse_language(language));
        const Configuration defaults;
        office_.server.data_dir = text_of(parsed_.arguments, "data_dir", defaults.server.data_dir);
        office_.server.run_dir = text_of(parsed_.arguments, "run_dir", defaults.server.run_dir);
        office_.server.user = text_of(parsed_.arguments, "user", geteuid() == 0 ? "relevo" : "");
        office_.server.language = language_;
        RELEVO_TRY(files_, FirstFiles::of_user(office_.server.user, office_.server.data_dir));
        return describe_office();
    }

    Result<void> read_server(std::string_view text) {
        if (text.empty()) return {};
        const std::size_t colon = text.rfind(':');
        const bool has_port = colon != std::string_view::npos && text.find(':') == colon;
        const auto port = has_port ? parse_decimal<std::uint16_t>(text.substr(colon + 1)) : std::optional(relay_.port);
        relay_.host = text.substr(0, has_port ? colon : text.size());
        if (!port || *port == 0 || relay_.host.empty())
            return failure(ErrorKind::invalid,
                           fmt::format("\"{}\" is no server: write it as relay.example.com:587", printable(text, 100)));
        relay_.port = *port;
        return {};
    }

    // Everything goes up, nothing needs the DNS of destinations. The line may be down for days and is tried every few
    // seconds: a connection that fails costs nothing.
    Result<void> describe_office() {
        const std::string first = token_.domains.empty() ? std::string() : token_.domains.front();
        office_.server.host_name =
            text_of(parsed_.arguments, "host_name", first.substr(first.starts_with('.') ? 1 : 0));
        if (office_.server.host_name.empty())
            return failure(ErrorKind::invalid, "what is this machine called? Give --host-name");
        office_.queue.retry_schedule = {std::chrono::seconds(2), std::chrono::seconds(5), std::chrono::seconds(10),
                                        std::chrono::seconds(15)};
        office_.queue.expire_after = std::chrono::days(7);
        office_.queue.expire_reports_after = std::chrono::days(7);
        office_.delivery.connect_timeout = std::chrono::seconds(10);
        office_.delivery.greeting_timeout = std::chrono::seconds(30);
        office_.delivery.command_timeout = std::chrono::seconds(60);
        office_.delivery.mta_sts = false;
        office_.checks.interval = std::chrono::seconds(0);
        office_.checks.outbound_domains.clear();
        office_.checks.blocklists.clear();
        RELEVO_CHECK(describe_listener());
        RouteSettings& route = office_.routes.emplace_back();
        route.name = "central";
        route.kind = RouteMethod::smarthost;
        route.domains = {"*"};
        route.host = relay_.host;
        route.port = relay_.port;
        route.tls = RouteSecurity::required;
        route.user = token_.login;
        route.password_file = fmt::format("{}/{}.password", office_.server.data_dir, token_.login);
        return {};
    }

    Result<void> describe_listener() {
        ListenerSettings& listener = office_.listeners.emplace_back();
        listener.name = "lan";
        listener.auth = ListenerAuth::optional;
        std::vector<std::string> addresses = list_of(parsed_.arguments, "listen");
        if (addresses.empty()) addresses = {"0.0.0.0:25", "0.0.0.0:587"};
        for (const std::string& address : addresses) {
            auto endpoint = configuration::parse_endpoint(address);
            if (!endpoint.has_value())
                return failure(ErrorKind::invalid, fmt::format("--listen {}: write it as 192.168.1.2:25", address));
            listener.address.push_back(*endpoint);
        }
        std::vector<std::string> networks = list_of(parsed_.arguments, "networks");
        if (networks.empty()) networks.assign(usual_networks.begin(), usual_networks.end());
        for (const std::string& text : networks) {
            RELEVO_TRY(const dns::Network network, dns::Network::parse(text));
            listener.networks.push_back(network);
        }
        return {};
    }

    // --- files, then the relay

    Result<void> write_files() {
        RouteSettings& route = office_.routes.front();
        route.verify = trust_ == LanTrust::verified;
        if (trust_ == LanTrust::pinned) route.pin = "sha256:" + hexadecimal(relay_.key_sha256);
        const std::string toml = write_sample(office_, language_);
        RELEVO_TRY(configuration_, parse_configuration(toml, parsed_.configuration_path));
        RELEVO_CHECK(files_.make_folder(office_.server.data_dir, 0700));
        RELEVO_CHECK(files_.make_folder(office_.server.run_dir, 0755));
        password_ = generate_password(system_random());
        RELEVO_CHECK(files_.write_secret(route.password_file, password_ + "\n"));
        auto written = files_.write_configuration(parsed_.configuration_path, toml);
        if (!written.has_value()) {
            ::unlink(route.password_file.c_str());
            return std::unexpected(written.error());
        }
        written_ = *written;
        return {};
    }

    // If the line broke before the answer came, the relay may have taken the password: then it knows it.
    Result<void> enrol() {
        const auto enrolled =
            commands_.log_in_at_relay(relay_, trust_, token_.login, enrolment_password(token_.secret, password_));
        if (enrolled.has_value() || enrolled.error().kind == ErrorKind::refused) return enrolled;
        return commands_.log_in_at_relay(relay_, trust_, token_.login, password_).has_value() ? Result<void>()
                                                                                              : enrolled;
    }

    // --- rows

    // What is there already is left alone: an office may enrol again, with another token.
    Result<void> perform(std::string_view command, const boost::json::object& arguments) {
        RequestPerformer performer(configuration_, commands_);
        const Performed performed = performer.perform(*find_command(command), arguments);
        if (performed.code == ExitCode::ok || text(performed.error, "kind") == name_of(ErrorKind::conflict)) return {};
        return failure(ErrorKind::io, fmt::format("the office is enrolled and {} is written, but {}: {}", written_,
                                                  command, performed.problem));
    }

    Result<void> create_rows() {
        RELEVO_CHECK(perform(
            "tenant add", {{"name", tenant_name}, {"language", language_ == mail::Language::spanish ? "es" : "en"}}));
        for (const std::string& domain : token_.domains) {
            const bool with_subdomains = domain.starts_with('.');
            RELEVO_CHECK(perform("domain add", {{"tenant", tenant_name},
                                                {"domain", domain.substr(with_subdomains ? 1 : 0)},
                                                {"subdomains", with_subdomains},
                                                {"trusted", true}}));
        }
        return {};
    }

    // --- what to do next

    void print() {
        const bool pinned = trust_ == LanTrust::pinned;
        if (parsed_.json) {
            boost::json::array domains;
            for (const std::string& domain : token_.domains) domains.emplace_back(domain);
            out_ << json_text(boost::json::object{{"configuration", written_},
                                                  {"server", fmt::format("{}:{}", relay_.host, relay_.port)},
                                                  {"trust", pinned ? "pinned" : "verified"},
                                                  {"login", token_.login},
                                                  {"domains", std::move(domains)}});
            return;
        }
        const bool spanish = language_ == mail::Language::spanish;
        out_ << fmt::format(
            fmt::runtime(spanish
                             ? "Esta oficina está dada de alta en {0}:{1} (usuario {2}; certificado {3}).\n"
                               "Configuración: {4}\nDatos:         {5}\n\n"
                               "Ahora arranque el servidor (`systemctl start relevo` o `relevo serve`) y añada cada "
                               "dispositivo:\n"
                               "  relevo lan device add impresora --network 192.168.1.20\n"
                               "  relevo lan device add escaner --login\n"
                               "`relevo lan report --language es` muestra qué ha sido del correo de cada uno.\n"
                             : "This office is enrolled at {0}:{1} (login {2}; certificate {3}).\n"
                               "Configuration: {4}\nData:          {5}\n\n"
                               "Now start the server (`systemctl start relevo` or `relevo serve`) and add each "
                               "device:\n"
                               "  relevo lan device add printer --network 192.168.1.20\n"
                               "  relevo lan device add scanner --login\n"
                               "`relevo lan report` shows what became of the mail of each.\n"),
            relay_.host, relay_.port, token_.login,
            pinned ? (spanish ? "comprobado con la huella del token" : "pinned by the token")
                   : (spanish ? "verificado" : "verified"),
            written_, office_.server.data_dir);
        if (written_ != parsed_.configuration_path)
            out_ << fmt::format(fmt::runtime(spanish ? "\n{} ya existía y sigue en vigor: compare los dos.\n"
                                                     : "\n{} was there already and is still in force: compare the "
                                                       "two.\n"),
                                parsed_.configuration_path);
    }

    const ParsedCommand& parsed_;
    Commands& commands_;
    std::ostream& out_;
    LanToken token_;
    LanRelay relay_;
    LanTrust trust_ = LanTrust::verified;
    mail::Language language_ = mail::Language::english;
    Configuration office_;         // what will be written
    Configuration configuration_;  // the same, as the server will read it
    FirstFiles files_;
    std::string written_, password_;
};

}  // namespace

ExitCode enroll_office(const ParsedCommand& parsed, Commands& commands, std::ostream& out, std::ostream& errors) {
    const auto done = Enrolling(parsed, commands, out).run();
    if (done) return ExitCode::ok;
    if (parsed.json)
        print_problem(true, name_of(done.error().kind), done.error().detail);
    else
        errors << "relevo: " << done.error().detail << "\n";
    return done.error().kind == ErrorKind::invalid ? ExitCode::usage : ExitCode::problem;
}

}  // namespace relevo::cli

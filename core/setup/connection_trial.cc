#include "core/setup/connection_trial.h"

#include "core/setup/smtp_probe.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <optional>

namespace relevo::setup {
namespace {

constexpr std::size_t detail_limit = 200;

// What follows the keyword in the reply to EHLO; nothing if it is not there.
std::optional<std::string> extension(const smtp::Reply& hello, std::string_view keyword) {
    for (const std::string_view line : split(hello.text, '\n')) {
        const auto blank = line.find_first_of(" =");
        if (equals_ignoring_case(line.substr(0, blank), keyword))
            return blank == std::string_view::npos ? std::string() : std::string(line.substr(blank + 1));
    }
    return std::nullopt;
}

ConnectionState state_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::refused: return ConnectionState::refused;
        case ErrorKind::timeout: return ConnectionState::silent;
        default: return ConnectionState::unreachable;
    }
}

class Try {
 public:
    Try(std::unique_ptr<Stream> stream, std::string host_name, Deadline deadline, ConnectionFinding& finding)
        : own_name_(fmt::format("[{}]", stream->local().address.text())),
          probe_(std::move(stream), deadline),
          host_name_(std::move(host_name)),
          finding_(finding) {}

    Task<> run() {
        if (finding_.security == ConnectionSecurity::tls && !co_await begin_tls()) co_return;
        const auto greeting = co_await probe_.read_reply();
        if (!greeting.has_value()) {
            const bool is_silent = greeting.error().kind == ErrorKind::timeout;
            co_return end(is_silent ? ConnectionState::tls_port : ConnectionState::not_smtp, greeting.error().detail);
        }
        if (!greeting->is_positive()) co_return end(ConnectionState::turned_away, greeting->one_line());
        auto hello = co_await say_hello();
        if (!hello) co_return;
        const bool offers_tls = extension(*hello, "STARTTLS").has_value();
        if (finding_.security == ConnectionSecurity::starttls) {
            if (!offers_tls) co_return end(ConnectionState::no_starttls, {});
            const auto ready = co_await probe_.say("STARTTLS");
            if (!ready.has_value() || !ready->is_positive())
                co_return end(ConnectionState::no_starttls, ready ? ready->one_line() : ready.error().detail);
            if (!co_await begin_tls()) co_return;
            hello = co_await say_hello();
            if (!hello) co_return;
        }
        judge(extension(*hello, "AUTH").value_or(std::string()), offers_tls);
        static_cast<void>(co_await probe_.say("QUIT"));  // its answer changes nothing
    }

 private:
    void end(ConnectionState state, std::string_view detail) {
        finding_.state = state;
        finding_.detail = printable(detail, detail_limit);
    }

    void judge(std::string_view mechanisms, bool offers_tls) {
        for (const std::string_view mechanism : split(mechanisms, ' '))
            if (!mechanism.empty()) finding_.mechanisms.push_back(printable(mechanism, 40));
        const bool is_encrypted = finding_.security != ConnectionSecurity::none;
        if (finding_.mechanisms.empty())
            finding_.state =
                !is_encrypted && offers_tls ? ConnectionState::encryption_first : ConnectionState::no_login;
        else if (!is_encrypted)
            finding_.state = ConnectionState::works_in_clear;
        else
            finding_.state =
                finding_.certificate == TlsFault::none ? ConnectionState::works : ConnectionState::certificate_faulty;
    }

    Task<std::optional<smtp::Reply>> say_hello() {
        auto hello = co_await probe_.say("EHLO " + own_name_);
        if (hello.has_value() && hello->is_positive()) co_return *std::move(hello);
        end(hello.has_value() ? ConnectionState::turned_away : ConnectionState::not_smtp,
            hello.has_value() ? hello->one_line() : hello.error().detail);
        co_return std::nullopt;
    }

    // The certificate is judged, and the conversation goes on with any: what else is wrong would stay hidden.
    Task<bool> begin_tls() {
        auto started = co_await probe_.start_tls({.server_name = host_name_});
        if (started.has_value()) {
            finding_.tls = started->protocol;
            finding_.certificate = started->fault;
            finding_.detail = printable(started->verify_error, detail_limit);
            co_return true;
        }
        const Error& error = started.error();
        const bool is_plain_text = error.detail.contains("plain text");
        end(is_plain_text                      ? ConnectionState::plain_port
            : error.kind == ErrorKind::timeout ? ConnectionState::silent
                                               : ConnectionState::tls_failed,
            error.detail);
        co_return false;
    }

    std::string own_name_;
    SmtpProbe probe_;
    std::string host_name_;
    ConnectionFinding& finding_;
};

Words certificate_words(TlsFault fault) {
    switch (fault) {
        case TlsFault::certificate_expired:
            return {
                "The certificate has expired or is not valid yet: programs will hang up. Whoever runs the server "
                "must renew it.",
                "El certificado ha caducado o aún no es válido: los programas colgarán. Quien administra el "
                "servidor tiene que renovarlo."};
        case TlsFault::certificate_host_mismatch:
            return {"The certificate is for another name: enter the name that stands in it as the server's name.",
                    "El certificado es para otro nombre: escriba como servidor el nombre que figura en él."};
        default:
            return {
                "No known authority vouches for the certificate: most programs will warn or hang up. Whoever runs "
                "the server needs a certificate of a public authority.",
                "Ninguna autoridad conocida avala el certificado: la mayoría de los programas avisarán o colgarán. "
                "Quien administra el servidor necesita un certificado de una autoridad pública."};
    }
}

}  // namespace

std::string_view name_of(ConnectionSecurity security) {
    switch (security) {
        case ConnectionSecurity::starttls: return "starttls";
        case ConnectionSecurity::tls: return "tls";
        case ConnectionSecurity::none: return "none";
    }
    return "none";
}

Words words_of(ConnectionSecurity security) {
    switch (security) {
        case ConnectionSecurity::starttls: return same("STARTTLS");
        case ConnectionSecurity::tls: return same("SSL/TLS");
        case ConnectionSecurity::none: return {"no encryption", "sin cifrado"};
    }
    return same("-");
}

std::string_view name_of(ConnectionState state) {
    switch (state) {
        case ConnectionState::works: return "works";
        case ConnectionState::works_in_clear: return "works_in_clear";
        case ConnectionState::certificate_faulty: return "certificate_faulty";
        case ConnectionState::no_login: return "no_login";
        case ConnectionState::encryption_first: return "encryption_first";
        case ConnectionState::no_starttls: return "no_starttls";
        case ConnectionState::plain_port: return "plain_port";
        case ConnectionState::tls_port: return "tls_port";
        case ConnectionState::tls_failed: return "tls_failed";
        case ConnectionState::turned_away: return "turned_away";
        case ConnectionState::refused: return "refused";
        case ConnectionState::silent: return "silent";
        case ConnectionState::unreachable: return "unreachable";
        case ConnectionState::not_smtp: return "not_smtp";
    }
    return "unreachable";
}

bool is_usable(ConnectionState state) {
    return state == ConnectionState::works || state == ConnectionState::works_in_clear;
}

Task<ConnectionFinding> try_connection(Dialer& dialer, Endpoint endpoint, std::string host_name,
                                       ConnectionSecurity security, Deadline deadline) {
    ConnectionFinding finding{.port = endpoint.port, .security = security};
    auto stream = co_await dialer.connect({.target = endpoint, .deadline = deadline});
    if (!stream.has_value()) {
        finding.state = state_of(stream.error());
        finding.detail = printable(stream.error().detail, detail_limit);
        co_return finding;
    }
    Try attempt(std::move(*stream), std::move(host_name), deadline, finding);
    co_await attempt.run();
    co_return finding;
}

Words meaning_of(const ConnectionFinding& finding) {
    switch (finding.state) {
        case ConnectionState::works:
            return {"Works: encrypted, and logins are taken.", "Funciona: cifrado, y admite iniciar sesión."};
        case ConnectionState::works_in_clear:
            return {"Works, but anybody on the way can read the password: use only inside your own network.",
                    "Funciona, pero cualquiera por el camino puede leer la contraseña: úselo solo en su propia red."};
        case ConnectionState::certificate_faulty: return certificate_words(finding.certificate);
        case ConnectionState::no_login:
            return {"Connects, but takes no logins: this port is for other mail servers.",
                    "Conecta, pero no admite iniciar sesión: este puerto es para otros servidores de correo."};
        case ConnectionState::encryption_first:
            return {"Connects, but takes no login without encryption: choose STARTTLS.",
                    "Conecta, pero sin cifrado no admite iniciar sesión: elija STARTTLS."};
        case ConnectionState::no_starttls:
            return {
                "This port does not offer STARTTLS. If the server should, something in between takes it out: an "
                "antivirus or a firewall that reads along.",
                "Este puerto no ofrece STARTTLS. Si el servidor debería, algo por medio lo quita: un antivirus o "
                "un cortafuegos que lee la conversación."};
        case ConnectionState::plain_port:
            return {"TLS on a plain port: choose STARTTLS here, or use a port for SSL/TLS such as 465.",
                    "TLS en un puerto sin TLS: elija aquí STARTTLS, o use un puerto para SSL/TLS como el 465."};
        case ConnectionState::tls_port:
            return {"The port says nothing in plain text: it expects SSL/TLS from the start.",
                    "El puerto no dice nada en claro: espera SSL/TLS desde el principio."};
        case ConnectionState::tls_failed:
            return {"The encryption could not be set up.", "No se pudo establecer el cifrado."};
        case ConnectionState::turned_away:
            return {"The server turned the connection away, in its own words.",
                    "El servidor rechazó la conexión, con sus propias palabras."};
        case ConnectionState::refused: return {"Nobody listens at this port.", "Nadie escucha en este puerto."};
        case ConnectionState::silent:
            return {
                "No answer: an internet provider or a firewall blocks this port. Port 25 is blocked by nearly all "
                "home and office lines; use another one.",
                "Sin respuesta: un proveedor de internet o un cortafuegos bloquea este puerto. El 25 lo bloquean "
                "casi todas las líneas domésticas y de oficina; use otro."};
        case ConnectionState::unreachable:
            return {"The server cannot be reached from here.", "No se llega al servidor desde aquí."};
        case ConnectionState::not_smtp:
            return {"What answers there does not speak SMTP, or hung up.",
                    "Lo que responde ahí no habla SMTP, o ha colgado."};
    }
    return {};
}

}  // namespace relevo::setup

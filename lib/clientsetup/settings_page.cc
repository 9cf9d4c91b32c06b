#include "lib/clientsetup/settings_page.h"

#include "lib/base/text.h"
#include "lib/clientsetup/client_texts.h"
#include "lib/xml/escape.h"

#include <fmt/args.h>
#include <fmt/format.h>

namespace relevo::clientsetup {
namespace {

struct PageWords {
    std::string_view language, other_language, other_name, title, introduction, server, port, security, user, user_text,
        password, password_text, others, sending_alone, no_port, without_login, in_file, profile, profile_text, address,
        profile_button;
};

constexpr PageWords english{
    "en",
    "es",
    "Español",
    "Settings for sending mail",
    "What to type into programs, devices and servers that shall send through this one.",
    "Outgoing server (SMTP)",
    "Port",
    "Encryption",
    "User name",
    "the one that you were given: a name, or your whole e-mail address",
    "Password",
    "the one that you were given; nobody can look it up, but a new one can be made",
    "These ports work too:",
    "This server sends mail and keeps no mailboxes: the settings for incoming mail (IMAP, POP3) stay those of your "
    "mailbox provider. Some programs find the outgoing server by themselves; they take your e-mail address for the "
    "user "
    "name: correct it if you were given another one.",
    "This server takes no mail with a login: ask whoever runs it.",
    "no login, for known networks",
    "In",
    "iPhone, iPad and Mac by themselves",
    "The device gets a profile with all settings and asks for both passwords: that of your mailbox and that of this "
    "server. Open this page on the device. It is there for domains whose mailboxes this server knows of.",
    "Your e-mail address",
    "Get the profile",
};
constexpr PageWords spanish{
    "es",
    "en",
    "English",
    "Ajustes para enviar correo",
    "Lo que hay que escribir en los programas, equipos y servidores que deban enviar a través de este.",
    "Servidor de salida (SMTP)",
    "Puerto",
    "Cifrado",
    "Usuario",
    "el que le han dado: un nombre, o su dirección de correo completa",
    "Contraseña",
    "la que le han dado; nadie puede consultarla, pero se puede crear otra",
    "También sirven estos puertos:",
    "Este servidor envía correo y no tiene buzones: los ajustes del correo entrante (IMAP, POP3) siguen siendo los de "
    "su "
    "proveedor de buzones. Algunos programas encuentran solos el servidor de salida; toman su dirección de correo como "
    "usuario: corríjalo si le han dado otro.",
    "Este servidor no admite correo con usuario y contraseña: pregunte a quien lo administra.",
    "sin usuario, para redes conocidas",
    "En",
    "iPhone, iPad y Mac por sí solos",
    "El dispositivo recibe un perfil con todos los ajustes y pide ambas contraseñas: la de su buzón y la de este "
    "servidor. Abra esta página en el dispositivo. Existe para los dominios cuyos buzones conoce este servidor.",
    "Su dirección de correo",
    "Obtener el perfil",
};

constexpr std::string_view style =
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;"
    "background:#fff}h1{line-height:1.2}h2{margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border:1px solid #c9ced6}th{width:12rem}"
    "pre{background:#f3f5f7;padding:.8rem;overflow-x:auto}nav a{margin-right:.8rem;white-space:nowrap}"
    "input,button{font:inherit;padding:.3rem .6rem}.note{border-left:4px solid #2f6feb;padding:.2rem .8rem}"
    "@media print{nav,.language,form{display:none}body{margin:0;max-width:none;font-size:10pt}"
    "section{break-inside:avoid}pre{white-space:pre-wrap}}";

std::string_view security_words(PortSecurity security, mail::Language language) {
    switch (security) {
        case PortSecurity::starttls: return "STARTTLS";
        case PortSecurity::tls: return "SSL/TLS";
        case PortSecurity::none: break;
    }
    return language == mail::Language::spanish ? "ninguno" : "none";
}

using Values = fmt::dynamic_format_arg_store<fmt::format_context>;

// What the texts have places for. The programs' own words for the three kinds of security stand here, side by side.
Values values_of(const Offer& offer, const SubmissionPort& port, mail::Language language) {
    const bool tls = port.security == PortSecurity::tls;
    const bool starttls = port.security == PortSecurity::starttls;
    Values values;
    values.push_back(fmt::arg("host", offer.host_name));
    values.push_back(fmt::arg("port", port.port));
    values.push_back(fmt::arg("security", security_words(port.security, language)));
    values.push_back(fmt::arg("postfix_tls", std::string(tls        ? "smtp_tls_security_level = encrypt\n"
                                                                      "smtp_tls_wrappermode = yes\n"
                                                         : starttls ? "smtp_tls_security_level = encrypt\n"
                                                                    : "smtp_tls_security_level = may\n")));
    values.push_back(fmt::arg("exim_tls", std::string(tls        ? "  protocol = smtps\n"
                                                      : starttls ? "  hosts_require_tls = *\n"
                                                                 : "")));
    values.push_back(fmt::arg("msmtp_tls", std::string(tls        ? "tls on\ntls_starttls off\n"
                                                       : starttls ? "tls on\ntls_starttls on\n"
                                                                  : "tls off\n")));
    values.push_back(fmt::arg("phpmailer_tls", std::string(tls        ? "PHPMailer::ENCRYPTION_SMTPS"
                                                           : starttls ? "PHPMailer::ENCRYPTION_STARTTLS"
                                                                      : "''")));
    values.push_back(fmt::arg("nodemailer_secure", tls));
    values.push_back(fmt::arg("nodemailer_require", starttls));
    return values;
}

void append_section(std::string& html, const ClientText& client, const PageWords& words, mail::Language language,
                    const Values& values) {
    html += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n<ol>\n", client.id, xml::escaped(client.title(language)));
    for (const std::string_view step : split(client.steps(language), '\n'))
        html += fmt::format("<li>{}</li>\n", xml::escaped(fmt::vformat(step, values)));
    html += "</ol>\n";
    if (!client.file.empty()) html += fmt::format("<p>{} <code>{}</code>:</p>\n", words.in_file, client.file);
    if (!client.sample.empty())
        html += fmt::format("<pre>{}</pre>\n", xml::escaped(fmt::vformat(client.sample, values)));
    html += "</section>\n";
}

void append_facts(std::string& html, const Offer& offer, const SubmissionPort& usual, const PageWords& words,
                  mail::Language language) {
    const auto row = [&](std::string_view title, std::string_view value) {
        html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", title, xml::escaped(value));
    };
    html += "<table>\n";
    row(words.server, offer.host_name);
    row(words.port, fmt::to_string(usual.port));
    row(words.security, security_words(usual.security, language));
    row(words.user, words.user_text);
    row(words.password, words.password_text);
    html += "</table>\n";
    std::string others;
    for (const SubmissionPort& port : offer.ports) {
        if (port == usual) continue;
        others += fmt::format("{}{} ({}{}{})", others.empty() ? " " : ", ", port.port,
                              security_words(port.security, language), port.login ? "" : "; ",
                              port.login ? "" : words.without_login);
    }
    if (!others.empty()) html += fmt::format("<p>{}{}.</p>\n", words.others, others);
    html += fmt::format("<p class=\"note\">{}</p>\n", words.sending_alone);
}

}  // namespace

std::string profile_url(std::string_view settings_url, std::string_view address) {
    std::string url = fmt::format("{}{}?emailaddress=", settings_url, profile_path.substr(settings_path.size()));
    for (const char c : address) {
        const bool is_plain = is_alpha(c) || is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos;
        url += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return url;
}

std::string settings_page(const Offer& offer, mail::Language language, Profiles profiles) {
    const PageWords& words = language == mail::Language::spanish ? spanish : english;
    std::string html = fmt::format(
        "<!doctype html>\n<html lang=\"{0}\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{1} · {2}</title>\n"
        "<style>{3}</style>\n</head>\n<body>\n<p class=\"language\"><a href=\"{4}?language={5}\" lang=\"{5}\" "
        "hreflang=\"{5}\">{6}</a></p>\n<main>\n<h1>{1}</h1>\n<p>{7}</p>\n",
        words.language, words.title, xml::escaped(offer.host_name), style, settings_path, words.other_language,
        words.other_name, words.introduction);
    if (const auto usual = usual_port(offer)) {
        append_facts(html, offer, *usual, words, language);
        if (profiles == Profiles::offered)
            html += fmt::format(
                "<section id=\"profile\">\n<h2>{}</h2>\n<p>{}</p>\n<form action=\"{}\">\n<label>{} <input "
                "type=\"email\" "
                "name=\"emailaddress\" required autocomplete=\"email\"></label> "
                "<button>{}</button>\n</form>\n</section>\n",
                words.profile, words.profile_text, profile_path, words.address, words.profile_button);
        html += "<nav>\n";
        for (const ClientText& client : client_texts())
            html += fmt::format("<a href=\"#{}\">{}</a>\n", client.id, xml::escaped(client.title(language)));
        html += "</nav>\n";
        const Values values = values_of(offer, *usual, language);
        for (const ClientText& client : client_texts()) append_section(html, client, words, language, values);
    } else {
        html += fmt::format("<p class=\"note\">{}</p>\n", words.no_port);
    }
    return html + "</main>\n</body>\n</html>\n";
}

}  // namespace relevo::clientsetup

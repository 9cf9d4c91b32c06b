#include "core/feedback/unsubscribe.h"

#include "core/tenancy/administration.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo {
namespace {

struct PageWords {
    std::string_view language, title, question, button, done, gone, not_understood, failed;
};

constexpr PageWords english{
    "en",
    "Unsubscribe",
    "No more of these messages shall be sent to {}?",
    "Unsubscribe",
    "{} gets no more of these messages.",
    "This link is not valid: it is damaged, or not from here. Use the one in your message as it is.",
    "This request is not understood. Open the link in your message and press the button.",
    "This did not work just now. Please try again in a few minutes.",
};
constexpr PageWords spanish{
    "es",
    "Darse de baja",
    "¿No enviar más mensajes de este tipo a {}?",
    "Darse de baja",
    "{} no recibirá más mensajes de este tipo.",
    "Este enlace no es válido: está dañado o no es de aquí. Use el de su mensaje tal como está.",
    "No se entiende esta petición. Abra el enlace de su mensaje y pulse el botón.",
    "Ahora mismo no ha funcionado. Inténtelo de nuevo dentro de unos minutos.",
};

std::string escaped(std::string_view text) {
    std::string html;
    for (const char c : text) switch (c) {
            case '&': html += "&amp;"; break;
            case '<': html += "&lt;"; break;
            case '>': html += "&gt;"; break;
            case '"': html += "&quot;"; break;
            case '\'': html += "&#39;"; break;
            default: html += c;
        }
    return html;
}

HttpResponse page(unsigned status, const PageWords& words, std::string_view sentence, std::string_view more = {}) {
    HttpResponse response{.status = status, .content_type = "text/html; charset=utf-8"};
    response.body = fmt::format(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n"
        "<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}"
        "button{{font:inherit;padding:.6rem 1.4rem}}</style>\n</head>\n<body>\n<h1>{}</h1>\n<p>{}</p>\n{}</body>\n"
        "</html>\n",
        words.language, words.title, words.title, sentence, more);
    response.fields = {{"Content-Language", std::string(words.language)},
                       {"Cache-Control", "no-store"},
                       {"Referrer-Policy", "no-referrer"},
                       {"X-Content-Type-Options", "nosniff"},
                       {"X-Robots-Tag", "noindex, nofollow"},
                       {"Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
                        "base-uri 'none'"}};
    return response;
}

// As a form sends it, in either of the two ways (RFC 8058 §3.2).
bool is_one_click(const HttpRequest& request) {
    if (starts_with_ignoring_case(request.field("Content-Type"), "multipart/form-data"))
        return request.body.contains("name=\"List-Unsubscribe\"") && request.body.contains("One-Click");
    return trimmed(request.body) == "List-Unsubscribe=One-Click";
}

}  // namespace

bool wants_list_unsubscribe(const mail::Header& header, mail::MessageStream stream) {
    return stream == mail::MessageStream::bulk && header.find("List-Unsubscribe") == nullptr &&
           header.find("List-Unsubscribe-Post") == nullptr;
}

std::string list_unsubscribe_fields(const TokenKeys& keys, const UnsubscribeRequest& request) {
    const auto address = comparable_address(request.recipient);
    if (!address.has_value()) return {};
    Token token{.tenant = request.tenant, .message = request.message, .address = {}};
    const std::string by_mail = make_token(keys, TokenPurpose::unsubscribe, token);
    token.address = *address;
    const std::string whole = make_token(keys, TokenPurpose::unsubscribe_address, token);
    if (whole.empty()) return {};
    std::string links;
    // The subject holds the address: the mail is understood when the message is long forgotten.
    if (!request.return_domain.empty())
        links += fmt::format("\r\n <mailto:{}+{}@{}?subject={}>", static_cast<char>(TokenPurpose::unsubscribe), by_mail,
                             request.return_domain, whole);
    if (!request.base_url.empty())
        links += fmt::format("{}\r\n <{}{}{}>", links.empty() ? "" : ",", request.base_url, unsubscribe_path, whole);
    if (links.empty()) return {};
    return "List-Unsubscribe:" + links + "\r\n" +
           (request.base_url.empty() ? "" : "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
}

mail::Language preferred_language(std::string_view accept_language) {
    double spanish_weight = 0, english_weight = 0;
    for (const std::string_view part : split(accept_language.substr(0, 1000), ',')) {
        const auto pieces = split(part, ';');
        double weight = 1;
        if (pieces.size() > 1)
            if (const auto at = pieces[1].find("q="); at != std::string_view::npos) {
                const std::string_view digits = trimmed(pieces[1].substr(at + 2));
                const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
                if (problem != std::errc{}) weight = 0;
            }
        const std::string_view tag = trimmed(pieces.front());
        const std::string_view language = tag.substr(0, tag.find('-'));
        if (equals_ignoring_case(language, "es")) spanish_weight = std::max(spanish_weight, weight);
        if (equals_ignoring_case(language, "en")) english_weight = std::max(english_weight, weight);
    }
    return spanish_weight > english_weight ? mail::Language::spanish : mail::Language::english;
}

Task<HttpResponse> answer_unsubscribe(FeedbackIntake& intake, const ReturnPaths& paths, HttpRequest request) {
    const PageWords& words =
        preferred_language(request.field("Accept-Language")) == mail::Language::spanish ? spanish : english;
    const bool is_look = request.method == "GET" || request.method == "HEAD";
    if (!is_look && request.method != "POST") {
        HttpResponse response = page(405, words, words.not_understood);
        response.fields.emplace_back("Allow", "GET, HEAD, POST");
        co_return response;
    }
    const auto token = read_token(*paths.keys(), TokenPurpose::unsubscribe_address,
                                  request.path().substr(std::min(request.path().size(), unsubscribe_path.size())));
    if (!token) co_return page(404, words, words.gone);
    const std::string who = "<b>" + escaped(token->address) + "</b>";
    if (is_look)
        co_return page(200, words, fmt::format(fmt::runtime(words.question), who),
                       fmt::format("<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" "
                                   "value=\"One-Click\"><button>{}</button></form>\n",
                                   words.button));
    if (!is_one_click(request)) co_return page(400, words, words.not_understood);
    const auto done = co_await intake.unsubscribe(*token, "one click");
    if (!done.has_value()) co_return page(503, words, words.failed);
    co_return page(200, words, fmt::format(fmt::runtime(words.done), who));
}

}  // namespace relevo

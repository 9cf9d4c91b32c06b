#include "app/web/console.h"

#include "lib/base/text.h"

namespace relevo {
namespace {

constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
constexpr std::string_view unchanging_folder = "/assets/";  // names there hold a hash of the content

// "/favicon.ico" does, "/domains/example.com" is a screen.
bool names_file(std::string_view path) {
    return path.starts_with(unchanging_folder) || (path.rfind('/') == 0 && path.contains('.'));
}

// Whether a list of the request has the value, parameters aside: "br, gzip;q=0.8". RFC 9110 §12.5.3: q=0 refuses it.
bool accepts_gzip(std::string_view field) {
    for (const std::string_view entry : split(field, ',')) {
        const auto semicolon = entry.find(';');
        if (!equals_ignoring_case(trimmed(entry.substr(0, semicolon)), "gzip")) continue;
        const std::string_view weight =
            semicolon == std::string_view::npos ? std::string_view() : trimmed(entry.substr(semicolon + 1));
        return !weight.starts_with("q=0") || weight.find_first_of("123456789", 3) != std::string_view::npos;
    }
    return false;
}

// RFC 9110 §13.1.2, by the weak comparison.
bool has_it(std::string_view field, std::string_view etag) {
    for (const std::string_view entry : split(field, ',')) {
        std::string_view given = trimmed(entry);
        if (given.starts_with("W/")) given.remove_prefix(2);
        if (given == etag || given == "*") return true;
    }
    return false;
}

HttpResponse guarded(HttpResponse response) {
    for (const auto& [name, value] : {std::pair{"Content-Security-Policy", content_security_policy},
                                      {"X-Content-Type-Options", "nosniff"},
                                      {"Referrer-Policy", "no-referrer"},
                                      {"Cross-Origin-Opener-Policy", "same-origin"},
                                      {"Cross-Origin-Resource-Policy", "same-origin"}})
        response.fields.emplace_back(name, value);
    return response;
}

}  // namespace

HttpResponse answer_console(const ConsoleFiles& files, const HttpRequest& request) {
    if (request.method != "GET" && request.method != "HEAD") {
        HttpResponse refusal{.status = 405, .body = "This can only be looked at.\n"};
        refusal.fields.emplace_back("Allow", "GET, HEAD");
        return guarded(std::move(refusal));
    }
    const std::string_view path = request.path();
    const ConsoleFile* file = files.find(names_file(path) ? path : "/index.html");
    if (file == nullptr) return guarded({.status = 404, .body = "There is nothing here.\n"});

    HttpResponse response{.content_type = std::string(file->media_type)};
    response.fields.emplace_back("ETag", file->etag);
    response.fields.emplace_back("Vary", "Accept-Encoding");
    response.fields.emplace_back(
        "Cache-Control", path.starts_with(unchanging_folder) ? "public, max-age=31536000, immutable" : "no-cache");
    if (has_it(request.field("If-None-Match"), file->etag)) {
        response.status = 304;
        response.content_type.clear();
    } else if (!file->gzipped.empty() && accepts_gzip(request.field("Accept-Encoding"))) {
        response.fields.emplace_back("Content-Encoding", "gzip");
        response.body = file->gzipped;
    } else {
        response.body = file->content;
    }
    return guarded(std::move(response));
}

}  // namespace relevo

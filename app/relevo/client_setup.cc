#include "app/relevo/client_setup.h"

#include "core/feedback/unsubscribe.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"
#include "lib/clientsetup/autoconfig.h"
#include "lib/clientsetup/autodiscover.h"
#include "lib/clientsetup/mobileconfig.h"
#include "lib/clientsetup/settings_page.h"
#include "lib/openapi/description.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::string_view xml_type = "application/xml; charset=utf-8";
constexpr std::string_view text_xml_type = "text/xml; charset=utf-8";
constexpr std::string_view json_type = "application/json; charset=utf-8";

constexpr std::string_view autoconfig_paths[] = {"/mail/config-v1.1.xml",
                                                 "/.well-known/autoconfig/mail/config-v1.1.xml"};
constexpr std::string_view autodiscover_xml_path = "/autodiscover/autodiscover.xml";
constexpr std::string_view autodiscover_json_path = "/autodiscover/autodiscover.json";
constexpr std::string_view autoconfig_host = "autoconfig.";

enum class SetupPath : std::uint8_t { none, settings, profile, autoconfig, autodiscover_xml, autodiscover_json };

SetupPath path_of(const HttpRequest& request) {
    const std::string_view path = request.path();
    if (path == clientsetup::settings_path) return SetupPath::settings;
    if (path == clientsetup::profile_path) return SetupPath::profile;
    if (std::ranges::find(autoconfig_paths, path) != std::end(autoconfig_paths)) return SetupPath::autoconfig;
    if (equals_ignoring_case(path, autodiscover_xml_path)) return SetupPath::autodiscover_xml;
    // Outlook also asks for "…/autodiscover.json/v1.0/anna@shop.example".
    if (starts_with_ignoring_case(path, autodiscover_json_path) &&
        (path.size() == autodiscover_json_path.size() || path[autodiscover_json_path.size()] == '/'))
        return SetupPath::autodiscover_json;
    return SetupPath::none;
}

// Nothing of it may run or be taken for something else where a browser shows it.
HttpResponse document(unsigned status, std::string_view content_type, std::string body) {
    return {.status = status,
            .content_type = std::string(content_type),
            .body = std::move(body),
            .fields = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

HttpResponse not_allowed(std::string_view allowed) {
    HttpResponse response = document(405, "text/plain; charset=utf-8", "This is only read.\n");
    response.fields.emplace_back("Allow", allowed);
    return response;
}

// "": there is none, or the query is not well-formed. Names are the same in any case: Outlook and others differ.
std::string query_value(const HttpRequest& request, std::string_view name) {
    const auto pairs = openapi::query_of(request.target);
    if (!pairs) return {};
    for (const auto& [key, value] : *pairs)
        if (equals_ignoring_case(key, name)) return value;
    return {};
}

// nullptr: none of ours.
const Domain* served(const ClientSetup& setup, std::string_view ascii_domain) {
    const Domain* domain = setup.directory.domain_for(ascii_domain);
    return domain != nullptr && domain->ownership != Ownership::pending ? domain : nullptr;
}

struct AddressOfOurs {
    mail::Address address;
    std::span<const clientsetup::MailboxServer> mailboxes;  // of its domain
};

// The address, if its domain is one of ours.
std::optional<AddressOfOurs> address_of_ours(const ClientSetup& setup, std::string_view text) {
    auto address = mail::Address::parse(trimmed(text), mail::Utf8::allowed);
    if (!address.has_value() || address->has_address_literal()) return std::nullopt;
    const auto name = comparable_domain(address->domain());
    const Domain* domain = name.has_value() ? served(setup, *name) : nullptr;
    if (domain == nullptr) return std::nullopt;
    return AddressOfOurs{.address = *std::move(address), .mailboxes = setup.mailboxes.of(domain->id)};
}

// Of "autoconfig.shop.example:80" or "shop.example".
std::string_view domain_of_host(std::string_view host) {
    host = host.substr(0, host.rfind(':'));
    if (starts_with_ignoring_case(host, autoconfig_host)) host.remove_prefix(autoconfig_host.size());
    return host;
}

HttpResponse answer_settings(const HttpRequest& request, const ClientSetup& setup) {
    const auto asked = mail::parse_language(query_value(request, "language"));
    const mail::Language language = asked.has_value() ? *asked : preferred_language(request.field("Accept-Language"));
    return {.status = 200,
            .content_type = "text/html; charset=utf-8",
            .body = clientsetup::settings_page(
                setup.offer, language,
                setup.mailboxes.is_empty() ? clientsetup::Profiles::none : clientsetup::Profiles::offered),
            .fields = {{"Content-Language", language == mail::Language::spanish ? "es" : "en"},
                       {"Cache-Control", "public, max-age=3600"},
                       {"Vary", "Accept-Language"},
                       {"Referrer-Policy", "no-referrer"},
                       {"X-Content-Type-Options", "nosniff"},
                       {"Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
                        "base-uri 'none'"}}};
}

HttpResponse answer_profile(const HttpRequest& request, const ClientSetup& setup) {
    std::string document_text;
    if (const auto ours = address_of_ours(setup, query_value(request, "emailaddress")))
        document_text = clientsetup::mobileconfig_document(setup.offer, ours->mailboxes, ours->address);
    if (document_text.empty())
        return document(404, "text/plain; charset=utf-8",
                        "There is no profile for this address: where its mailbox is, nobody has told this server.\n"
                        "No hay ning\u00fan perfil para esta direcci\u00f3n: nadie ha dicho a este servidor "
                        "d\u00f3nde est\u00e1 su buz\u00f3n.\n");
    auto signed_text = setup.sign(document_text);
    // A device takes one that is not signed, too, and says so.
    HttpResponse response = document(200, clientsetup::mobileconfig_type,
                                     signed_text.has_value() ? *std::move(signed_text) : std::move(document_text));
    response.fields.emplace_back("Content-Disposition", "attachment; filename=\"mail.mobileconfig\"");
    return response;
}

HttpResponse answer_autoconfig(const HttpRequest& request, const ClientSetup& setup) {
    const std::string address = query_value(request, "emailaddress");
    const auto domain = comparable_domain(address.empty() ? domain_of_host(request.field("Host"))
                                                          : std::string_view(address).substr(address.rfind('@') + 1));
    std::string body;
    if (const Domain* ours = domain.has_value() ? served(setup, *domain) : nullptr)
        body = clientsetup::autoconfig_document(setup.offer, *domain, setup.mailboxes.of(ours->id));
    if (body.empty())
        return document(404, "text/plain; charset=utf-8", "There are no settings for this domain here.\n");
    return document(200, xml_type, std::move(body));
}

// Outlook looks for errors inside the document, not at the status of HTTP.
HttpResponse autodiscover_error(clientsetup::AutodiscoverError error, WallClock::time_point now) {
    const auto time = now - std::chrono::floor<std::chrono::days>(now);
    return document(
        200, text_xml_type,
        clientsetup::autodiscover_error_document(error, std::chrono::duration_cast<std::chrono::milliseconds>(time)));
}

HttpResponse answer_autodiscover_xml(const HttpRequest& request, const ClientSetup& setup) {
    using clientsetup::AutodiscoverError;
    clientsetup::AutodiscoverRequest asked;
    if (request.method == "POST") {
        auto parsed = clientsetup::parse_autodiscover_request(request.body);
        if (!parsed.has_value()) return autodiscover_error(AutodiscoverError::invalid_request, setup.now);
        asked = *std::move(parsed);
    } else {
        asked.address = query_value(request, "emailaddress");
        if (asked.address.empty()) return autodiscover_error(AutodiscoverError::invalid_request, setup.now);
    }
    if (!asked.wants_outlook_settings) return autodiscover_error(AutodiscoverError::other_schema, setup.now);
    std::string body;
    if (const auto ours = address_of_ours(setup, asked.address))
        body = clientsetup::autodiscover_document(setup.offer, ours->address, ours->mailboxes);
    if (body.empty()) return autodiscover_error(AutodiscoverError::unknown_address, setup.now);
    return document(200, text_xml_type, std::move(body));
}

HttpResponse answer_autodiscover_json(const HttpRequest& request, const ClientSetup& setup) {
    std::string address = query_value(request, "email");
    if (address.empty()) {
        const std::string_view path = request.path();
        const std::string_view last = path.substr(path.rfind('/') + 1);
        address = openapi::percent_decoded(last, false).value_or("");
    }
    if (!address_of_ours(setup, address))
        return document(
            404, json_type,
            clientsetup::autodiscover_json_error("UserNotFound", "There are no settings for this address."));
    if (!equals_ignoring_case(query_value(request, "protocol"), "AutodiscoverV1"))
        return document(400, json_type,
                        clientsetup::autodiscover_json_error(
                            "InvalidProtocol", "The protocol is not supported. Supported: AutodiscoverV1."));
    return document(200, json_type, clientsetup::autodiscover_redirection(setup.offer));
}

}  // namespace

bool is_client_setup(const HttpRequest& request) { return path_of(request) != SetupPath::none; }

HttpResponse answer_client_setup(const HttpRequest& request, const ClientSetup& setup) {
    const SetupPath path = path_of(request);
    const bool is_look = request.method == "GET" || request.method == "HEAD";
    if (path == SetupPath::autodiscover_xml) {
        if (!is_look && request.method != "POST") return not_allowed("GET, HEAD, POST");
        return answer_autodiscover_xml(request, setup);
    }
    if (!is_look) return not_allowed("GET, HEAD");
    switch (path) {
        case SetupPath::settings: return answer_settings(request, setup);
        case SetupPath::profile: return answer_profile(request, setup);
        case SetupPath::autoconfig: return answer_autoconfig(request, setup);
        default: break;
    }
    return answer_autodiscover_json(request, setup);
}

}  // namespace relevo

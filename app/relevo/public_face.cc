#include "app/relevo/public_face.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo {
namespace {

namespace json = boost::json;

clientsetup::PortSecurity security_of(ListenerTls tls) {
    switch (tls) {
        case ListenerTls::implicit: return clientsetup::PortSecurity::tls;
        case ListenerTls::starttls: return clientsetup::PortSecurity::starttls;
        case ListenerTls::none: break;
    }
    return clientsetup::PortSecurity::none;
}

// The usual port is left out of an address.
std::string with_port(std::string_view scheme, std::string_view host, std::uint16_t port, std::uint16_t usual) {
    return port == usual ? fmt::format("{}://{}", scheme, host) : fmt::format("{}://{}:{}", scheme, host, port);
}

// Of the listeners that `counts` likes.
template <class Predicate>
std::string url_of(const Configuration& configuration, Predicate counts) {
    const HttpSettings* plain = nullptr;
    for (const HttpSettings& http : configuration.http) {
        if (!counts(http) || http.address.empty()) continue;
        if (http.tls) return with_port("https", configuration.server.host_name, http.address.front().port, 443);
        if (plain == nullptr) plain = &http;
    }
    if (plain == nullptr) return {};
    const Endpoint& endpoint = plain->address.front();
    // A proxy before it speaks TLS, unless it is for this machine.
    if (endpoint.address.is_loopback()) return "http://" + endpoint.text();
    return with_port("https", configuration.server.host_name, 443, 443);
}

}  // namespace

std::string console_url(const Configuration& configuration) {
    const std::string derived =
        url_of(configuration, [](const HttpSettings& http) { return http.console && http.api; });
    const std::string& written = configuration.accounts.console_url;
    return derived.empty() || written.empty() ? derived : written;
}

clientsetup::Offer submission_offer(const Configuration& configuration) {
    clientsetup::Offer offer{.host_name = configuration.server.host_name,
                             .ports = {},
                             .web_url = url_of(configuration, [](const HttpSettings&) { return true; })};
    std::set<std::uint16_t> seen;
    for (const ListenerTls tls : {ListenerTls::starttls, ListenerTls::implicit, ListenerTls::none})
        for (const ListenerSettings& listener : configuration.listeners) {
            if (listener.role != ListenerPurpose::submission || listener.tls != tls) continue;
            for (const Endpoint& endpoint : listener.address)
                if (seen.insert(endpoint.port).second)
                    offer.ports.push_back({endpoint.port, security_of(tls), listener.auth != ListenerAuth::none});
        }
    return offer;
}

json::object submission_json(const Configuration& configuration) {
    const clientsetup::Offer offer = submission_offer(configuration);
    json::array ports;
    for (const clientsetup::SubmissionPort& port : offer.ports)
        ports.emplace_back(
            json::object{{"port", port.port}, {"security", name_of(port.security)}, {"login", port.login}});
    const std::string settings = offer.settings_url();
    return {{"host_name", offer.host_name},
            {"ports", std::move(ports)},
            {"settings_url", settings.empty() ? json::value(nullptr) : json::value(settings)}};
}

}  // namespace relevo

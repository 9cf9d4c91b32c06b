#include "app/relevo/public_face.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo {
namespace {

namespace json = boost::json;

std::string_view security_of(ListenerTls tls) {
    switch (tls) {
        case ListenerTls::implicit: return "tls";
        case ListenerTls::starttls: return "starttls";
        case ListenerTls::none: break;
    }
    return "none";
}

// The usual port is left out of an address.
std::string with_port(std::string_view scheme, std::string_view host, std::uint16_t port, std::uint16_t usual) {
    return port == usual ? fmt::format("{}://{}", scheme, host) : fmt::format("{}://{}:{}", scheme, host, port);
}

}  // namespace

std::string console_url(const Configuration& configuration) {
    const HttpSettings* plain = nullptr;
    for (const HttpSettings& http : configuration.http) {
        if (!http.console || !http.api || http.address.empty()) continue;
        if (http.tls) return with_port("https", configuration.server.host_name, http.address.front().port, 443);
        if (plain == nullptr) plain = &http;
    }
    if (plain == nullptr) return {};
    const Endpoint& endpoint = plain->address.front();
    // A proxy before it speaks TLS, unless it is for this machine.
    if (endpoint.address.is_loopback()) return "http://" + endpoint.text();
    return with_port("https", configuration.server.host_name, 443, 443);
}

json::object submission_json(const Configuration& configuration) {
    json::array ports;
    std::set<std::uint16_t> seen;
    for (const ListenerTls tls : {ListenerTls::starttls, ListenerTls::implicit, ListenerTls::none})
        for (const ListenerSettings& listener : configuration.listeners) {
            if (listener.role != ListenerPurpose::submission || listener.tls != tls) continue;
            for (const Endpoint& endpoint : listener.address)
                if (seen.insert(endpoint.port).second)
                    ports.emplace_back(json::object{{"port", endpoint.port},
                                                    {"security", security_of(tls)},
                                                    {"login", listener.auth != ListenerAuth::none}});
        }
    return {{"host_name", configuration.server.host_name}, {"ports", std::move(ports)}};
}

}  // namespace relevo

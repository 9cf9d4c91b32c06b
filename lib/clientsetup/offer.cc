#include "lib/clientsetup/offer.h"

#include <algorithm>

namespace relevo::clientsetup {

std::string_view name_of(PortSecurity security) {
    switch (security) {
        case PortSecurity::starttls: return "starttls";
        case PortSecurity::tls: return "tls";
        case PortSecurity::none: break;
    }
    return "none";
}

std::string Offer::settings_url() const { return web_url.empty() ? std::string() : web_url + "/settings"; }

std::optional<SubmissionPort> usual_port(const Offer& offer) {
    const auto found = std::ranges::find_if(offer.ports, &SubmissionPort::login);
    return found == offer.ports.end() ? std::nullopt : std::optional(*found);
}

std::vector<SubmissionPort> automatic_ports(const Offer& offer) {
    std::vector<SubmissionPort> ports;
    for (const PortSecurity security : {PortSecurity::tls, PortSecurity::starttls})
        std::ranges::copy_if(offer.ports, std::back_inserter(ports),
                             [&](const SubmissionPort& port) { return port.login && port.security == security; });
    return ports;
}

}  // namespace relevo::clientsetup

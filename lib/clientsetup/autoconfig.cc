#include "lib/clientsetup/autoconfig.h"

#include "lib/xml/escape.h"

#include <fmt/format.h>

namespace relevo::clientsetup {

std::string autoconfig_document(const Offer& offer, std::string_view domain) {
    const std::vector<SubmissionPort> ports = automatic_ports(offer);
    if (ports.empty()) return {};
    const std::string host = xml::escaped(offer.host_name);
    std::string document = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<clientConfig version=\"1.1\">\n"
        "  <emailProvider id=\"{0}\">\n"
        "    <domain>{1}</domain>\n"
        "    <displayName>{0}</displayName>\n"
        "    <displayShortName>{0}</displayShortName>\n",
        host, xml::escaped(domain));
    for (const SubmissionPort& port : ports)
        document += fmt::format(
            "    <outgoingServer type=\"smtp\">\n"
            "      <hostname>{}</hostname>\n"
            "      <port>{}</port>\n"
            "      <socketType>{}</socketType>\n"
            "      <username>%EMAILADDRESS%</username>\n"
            "      <authentication>password-cleartext</authentication>\n"  // inside TLS
            "    </outgoingServer>\n",
            host, port.port, port.security == PortSecurity::tls ? "SSL" : "STARTTLS");
    if (!offer.web_url.empty())
        document += fmt::format(
            "    <documentation url=\"{}\">\n"
            "      <descr lang=\"en\">Settings for each program</descr>\n"
            "      <descr lang=\"es\">Ajustes para cada programa</descr>\n"
            "    </documentation>\n",
            xml::escaped(offer.settings_url()));
    return document + "  </emailProvider>\n</clientConfig>\n";
}

}  // namespace relevo::clientsetup

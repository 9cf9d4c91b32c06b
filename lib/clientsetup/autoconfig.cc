#include "lib/clientsetup/autoconfig.h"

#include "lib/xml/escape.h"

#include <fmt/format.h>

namespace relevo::clientsetup {
namespace {

// `element` and `type`: "incomingServer", "imap". The password travels inside TLS.
std::string server_element(std::string_view element, std::string_view type, std::string_view host, std::uint16_t port,
                           PortSecurity security) {
    return fmt::format(
        "    <{0} type=\"{1}\">\n"
        "      <hostname>{2}</hostname>\n"
        "      <port>{3}</port>\n"
        "      <socketType>{4}</socketType>\n"
        "      <username>%EMAILADDRESS%</username>\n"
        "      <authentication>password-cleartext</authentication>\n"
        "    </{0}>\n",
        element, type, xml::escaped(host), port, security == PortSecurity::tls ? "SSL" : "STARTTLS");
}

}  // namespace

std::string autoconfig_document(const Offer& offer, std::string_view domain, std::span<const MailboxServer> mailboxes) {
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
    for (const MailboxServer& server : mailboxes)
        document += server_element("incomingServer", server.protocol == MailboxProtocol::imap ? "imap" : "pop3",
                                   server.host, server.port, server.security);
    for (const SubmissionPort& port : ports)
        document += server_element("outgoingServer", "smtp", offer.host_name, port.port, port.security);
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

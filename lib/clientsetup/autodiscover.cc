#include "lib/clientsetup/autodiscover.h"

#include "lib/xml/escape.h"
#include "lib/xml/xml_reader.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace relevo::clientsetup {
namespace {

constexpr std::string_view response_schema = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
constexpr std::string_view outlook_schema =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
constexpr xml::XmlBounds bounds{.octets = 16 * kibibyte, .depth = 8, .text_octets = 1024};

class RequestVisitor : public xml::XmlVisitor {
 public:
    Result<void> begin(std::string_view) override { return {}; }
    Result<void> end(std::string_view name, std::string_view text) override {
        if (name == "EMailAddress") request.address = text;
        if (name == "AcceptableResponseSchema") request.wants_outlook_settings = text == outlook_schema;
        return {};
    }
    AutodiscoverRequest request;
};

std::string_view message_of(AutodiscoverError error) {
    switch (error) {
        case AutodiscoverError::unknown_address: return "The e-mail address cannot be found";
        case AutodiscoverError::invalid_request: return "Invalid request";
        case AutodiscoverError::other_schema: break;
    }
    return "The requested schema is not supported";
}

std::string with_envelope(std::string_view response) {
    return fmt::format("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Autodiscover xmlns=\"{}\">\n{}</Autodiscover>\n",
                       response_schema, response);
}

// What is not said counts as "on": SPA is Microsoft's own log-in, and DomainRequired a Windows domain.
std::string protocol_element(std::string_view type, std::string_view host, std::uint16_t port, PortSecurity security,
                             std::string_view login, std::string_view more) {
    return fmt::format(
        "      <Protocol>\n"
        "        <Type>{}</Type>\n"
        "        <Server>{}</Server>\n"
        "        <Port>{}</Port>\n"
        "        <DomainRequired>off</DomainRequired>\n"
        "        <LoginName>{}</LoginName>\n"
        "        <SPA>off</SPA>\n"
        "        <Encryption>{}</Encryption>\n"
        "        <AuthRequired>on</AuthRequired>\n"
        "{}"
        "      </Protocol>\n",
        type, xml::escaped(host), port, xml::escaped(login), security == PortSecurity::tls ? "SSL" : "TLS", more);
}

}  // namespace

Result<AutodiscoverRequest> parse_autodiscover_request(std::string_view text) {
    RequestVisitor visitor;
    RELEVO_CHECK(xml::walk_xml(text, visitor, bounds));
    if (visitor.request.address.empty()) return failure(ErrorKind::invalid, "the request names no EMailAddress");
    return std::move(visitor.request);
}

std::string autodiscover_document(const Offer& offer, const mail::Address& address,
                                  std::span<const MailboxServer> mailboxes) {
    const std::vector<SubmissionPort> ports = automatic_ports(offer);
    if (ports.empty()) return {};
    const std::string login = address.text();
    std::string protocols;
    for (const MailboxProtocol protocol : {MailboxProtocol::imap, MailboxProtocol::pop3}) {
        const auto server = std::ranges::find(mailboxes, protocol, &MailboxServer::protocol);
        if (server != mailboxes.end())
            protocols += protocol_element(protocol == MailboxProtocol::imap ? "IMAP" : "POP3", server->host,
                                          server->port, server->security, login, "");
    }
    protocols += protocol_element("SMTP", offer.host_name, ports.front().port, ports.front().security, login,
                                  "        <UsePOPAuth>off</UsePOPAuth>\n"
                                  "        <SMTPLast>off</SMTPLast>\n");
    return with_envelope(
        fmt::format("  <Response xmlns=\"{}\">\n"
                    "    <Account>\n"
                    "      <AccountType>email</AccountType>\n"
                    "      <Action>settings</Action>\n"
                    "{}"
                    "    </Account>\n"
                    "  </Response>\n",
                    outlook_schema, protocols));
}

std::string autodiscover_error_document(AutodiscoverError error, std::chrono::milliseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    return with_envelope(
        fmt::format("  <Response>\n"
                    "    <Error Time=\"{:%H:%M:%S}.{:03}\" Id=\"1\">\n"
                    "      <ErrorCode>{}</ErrorCode>\n"
                    "      <Message>{}</Message>\n"
                    "      <DebugData/>\n"
                    "    </Error>\n"
                    "  </Response>\n",
                    seconds, (time - seconds).count(), static_cast<unsigned>(error), message_of(error)));
}

std::string autodiscover_redirection(const Offer& offer) {
    return boost::json::serialize(
        boost::json::object{{"Protocol", "AutodiscoverV1"}, {"Url", offer.web_url + "/autodiscover/autodiscover.xml"}});
}

std::string autodiscover_json_error(std::string_view code, std::string_view message) {
    return boost::json::serialize(boost::json::object{{"ErrorCode", code}, {"ErrorMessage", message}});
}

}  // namespace relevo::clientsetup

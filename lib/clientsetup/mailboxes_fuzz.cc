// What is taken for a server of mailboxes comes back the same, and is harmless in every document that names it.
#include "lib/clientsetup/mailboxes.h"

#include "lib/clientsetup/autoconfig.h"
#include "lib/xml/xml_reader.h"

#include <cstdlib>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

class HostVisitor : public relevo::xml::XmlVisitor {
 public:
    relevo::Result<void> begin(std::string_view) override { return {}; }
    relevo::Result<void> end(std::string_view name, std::string_view text) override {
        if (name == "hostname" && first.empty()) first = text;
        return {};
    }
    std::string first;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace relevo;
    const auto server = clientsetup::parse_mailbox_server({reinterpret_cast<const char*>(data), size});
    if (!server.has_value()) {
        require(server.error().kind == ErrorKind::invalid && server.error().detail.size() < 1000);
        return 0;
    }
    require(server->port != 0 && server->security != clientsetup::PortSecurity::none);
    const auto again = clientsetup::parse_mailbox_server(clientsetup::text_of(*server));
    require(again.has_value() && *again == *server);
    const clientsetup::Offer offer{.host_name = "mail.example.com", .ports = {{587}}, .web_url = {}};
    HostVisitor visitor;
    const std::string document = clientsetup::autoconfig_document(offer, "shop.example", {&*server, 1});
    require(xml::walk_xml(document, visitor, {}).has_value());
    require(visitor.first == server->host);
    return 0;
}

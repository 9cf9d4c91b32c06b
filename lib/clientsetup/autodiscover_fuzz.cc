// Any request ends within its bounds, and whatever address it holds comes back as well-formed XML. Security row C8.
#include "lib/clientsetup/autodiscover.h"

#include "lib/xml/xml_reader.h"

#include <cstdlib>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

class LoginVisitor : public relevo::xml::XmlVisitor {
 public:
    relevo::Result<void> begin(std::string_view) override { return {}; }
    relevo::Result<void> end(std::string_view name, std::string_view text) override {
        if (name == "LoginName") login = text;
        return {};
    }
    std::string login;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace relevo;
    const auto request = clientsetup::parse_autodiscover_request({reinterpret_cast<const char*>(data), size});
    if (!request.has_value()) {
        require(!request.error().detail.empty());
        return 0;
    }
    require(!request->address.empty() && request->address.size() <= 1024);
    const auto address = mail::Address::parse(request->address, mail::Utf8::allowed);
    if (!address.has_value()) return 0;
    const clientsetup::Offer offer{.host_name = "mail.example.com", .ports = {{587}}, .web_url = "https://x.example"};
    LoginVisitor visitor;
    require(xml::walk_xml(clientsetup::autodiscover_document(offer, *address, {}), visitor, {}).has_value());
    require(visitor.login == address->text());
    return 0;
}

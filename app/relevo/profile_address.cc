#include "app/relevo/profile_address.h"

#include "core/tenancy/administration.h"
#include "core/tenancy/mailboxes.h"
#include "lib/clientsetup/settings_page.h"
#include "lib/mail/address.h"

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;

// As clientsetup::automatic_ports(): what is not encrypted is told to no device.
bool has_port_for_devices(const json::object& submission) {
    const json::value* ports = submission.if_contains("ports");
    return ports != nullptr && ports->is_array() &&
           std::ranges::any_of(ports->get_array(), [](const json::value& port) {
               return port.at("login").as_bool() && port.at("security").as_string() != "none";
           });
}

}  // namespace

Result<json::value> profile_address(Reader& reader, const Credential& credential, const json::object& submission) {
    const json::value* page = submission.if_contains("settings_url");
    if (page == nullptr || !page->is_string() || !has_port_for_devices(submission)) return json::value(nullptr);
    const auto address = mail::Address::parse(credential.login, mail::Utf8::allowed);
    if (!address.has_value() || address->has_address_literal()) return json::value(nullptr);
    const auto name = comparable_domain(address->domain());
    if (!name.has_value()) return json::value(nullptr);
    const auto domain = find_domain(reader, *name);
    if (!domain.has_value() && domain.error().kind == ErrorKind::not_found) return json::value(nullptr);
    if (!domain.has_value()) return std::unexpected(domain.error());
    if (domain->tenant != credential.tenant || domain->ownership == Ownership::pending) return json::value(nullptr);
    RELEVO_TRY(const MailboxServers servers, mailbox_servers_of(reader, domain->id));
    if (servers.empty()) return json::value(nullptr);
    return json::value(clientsetup::profile_url(std::string_view(page->get_string()), credential.login));
}

}  // namespace relevo

#include "lib/clientsetup/mobileconfig.h"

#include "lib/xml/escape.h"

#include <fmt/format.h>

#include <cstdint>

namespace relevo::clientsetup {
namespace {

// FNV-1a: the identifiers need to be the same each time, and nobody gains from two that are equal.
std::uint64_t hash_of(std::string_view text, std::uint64_t basis) {
    for (const char c : text) basis = (basis ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return basis;
}

// Of version 8 (RFC 9562 §5.8), whose octets are its maker's choice.
std::string uuid_of(std::string_view text) {
    const std::uint64_t high = hash_of(text, 0xcbf29ce484222325ULL);
    const std::uint64_t low = hash_of(text, high);
    return fmt::format("{:08X}-{:04X}-8{:03X}-{:04X}-{:012X}", high >> 32U, (high >> 16U) & 0xffffU, high & 0xfffU,
                       0x8000U | ((low >> 48U) & 0x3fffU), low & 0xffffffffffffULL);
}

void text_entry(std::string& plist, std::string_view key, std::string_view text) {
    plist += fmt::format("<key>{}</key><string>{}</string>\n", key, xml::escaped(text));
}
void number_entry(std::string& plist, std::string_view key, int number) {
    plist += fmt::format("<key>{}</key><integer>{}</integer>\n", key, number);
}
void flag_entry(std::string& plist, std::string_view key, bool flag) {
    plist += fmt::format("<key>{}</key><{}/>\n", key, flag ? "true" : "false");
}

void server_entries(std::string& plist, std::string_view side, std::string_view host, std::uint16_t port,
                    std::string_view login) {
    text_entry(plist, fmt::format("{}MailServerAuthentication", side), "EmailAuthPassword");
    text_entry(plist, fmt::format("{}MailServerHostName", side), host);
    number_entry(plist, fmt::format("{}MailServerPortNumber", side), port);
    flag_entry(plist, fmt::format("{}MailServerUseSSL", side), true);  // TLS from the start, or STARTTLS
    text_entry(plist, fmt::format("{}MailServerUsername", side), login);
}

void identity_entries(std::string& plist, std::string_view type, std::string_view name, std::string_view identifier) {
    text_entry(plist, "PayloadType", type);
    number_entry(plist, "PayloadVersion", 1);
    text_entry(plist, "PayloadDisplayName", name);
    text_entry(plist, "PayloadIdentifier", identifier);
    text_entry(plist, "PayloadUUID", uuid_of(identifier));
}

}  // namespace

std::string mobileconfig_document(const Offer& offer, std::span<const MailboxServer> mailboxes,
                                  const mail::Address& address) {
    const std::vector<SubmissionPort> ports = automatic_ports(offer);
    if (ports.empty() || mailboxes.empty()) return {};
    const MailboxServer& incoming = mailboxes.front();
    const std::string login = address.text();
    const std::string identifier = fmt::format("relevo.{}.{}", offer.host_name, login);
    std::string plist =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
        "<plist version=\"1.0\">\n<dict>\n<key>PayloadContent</key>\n<array>\n<dict>\n";
    text_entry(plist, "EmailAccountDescription", login);
    text_entry(plist, "EmailAccountType",
               incoming.protocol == MailboxProtocol::imap ? "EmailTypeIMAP" : "EmailTypePOP");
    text_entry(plist, "EmailAddress", login);
    server_entries(plist, "Incoming", incoming.host, incoming.port, login);
    server_entries(plist, "Outgoing", offer.host_name, ports.front().port, login);
    // Two servers, two passwords: the device asks for each.
    flag_entry(plist, "OutgoingPasswordSameAsIncomingPassword", false);
    identity_entries(plist, "com.apple.mail.managed", login, identifier + ".mail");
    plist += "</dict>\n</array>\n";
    text_entry(plist, "PayloadOrganization", offer.host_name);
    flag_entry(plist, "PayloadRemovalDisallowed", false);
    identity_entries(plist, "Configuration", fmt::format("{} ({})", login, offer.host_name), identifier);
    return plist + "</dict>\n</plist>\n";
}

}  // namespace relevo::clientsetup

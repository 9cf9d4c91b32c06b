// What a mail client must be told to send through this server: the one source of all documents and pages about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::clientsetup {

enum class PortSecurity : std::uint8_t { starttls, tls, none };
// "starttls", "tls", "none": stable words for programs.
[[nodiscard]] std::string_view name_of(PortSecurity security);

struct SubmissionPort {
    std::uint16_t port = 0;
    PortSecurity security = PortSecurity::starttls;
    bool login = true;  // whether one is taken there
    friend bool operator==(const SubmissionPort&, const SubmissionPort&) = default;
};

struct Offer {
    std::string host_name;
    std::vector<SubmissionPort> ports;  // STARTTLS before TLS before none
    std::string web_url;                // "https://mail.example.com", without a slash at its end; "": no web pages

    [[nodiscard]] std::string settings_url() const;  // of the page for people; "" without web pages
};

// For people: STARTTLS, which every program knows, else TLS, else what there is. Nothing: no port takes a login.
[[nodiscard]] std::optional<SubmissionPort> usual_port(const Offer& offer);

// For clients that set themselves up: encrypted alone, since nobody looks on, and TLS from the start first (RFC 8314
// §3.3: "Clients … SHOULD … use Implicit TLS").
[[nodiscard]] std::vector<SubmissionPort> automatic_ports(const Offer& offer);

}  // namespace relevo::clientsetup

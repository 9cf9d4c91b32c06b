// What a listener allows and bounds; built from the configuration, immutable, shared by its sessions.
#pragma once

#include "core/policy/access.h"
#include "lib/dns/record.h"
#include "lib/smtp/server_session.h"

#include <chrono>
#include <string>
#include <vector>

namespace relevo {

enum class ListenerRole : std::uint8_t {
    submission,  // from users, who log in (RFC 6409)
    relay,       // from other mail servers (RFC 5598 §4.3)
};

struct ListenerOptions {
    std::string name;
    ListenerRole role = ListenerRole::submission;
    bool implicit_tls = false;
    bool starttls = false;
    smtp::ServerOptions session;
    smtp::ServerOptions session_for_old_devices;   // the same, but repairs bare CR and LF
    ListenerAccess access;                         // who may connect, and whether granted networks need no password
    std::vector<dns::Network> proxy_networks;      // who must begin with a PROXY header
    std::vector<dns::Network> bare_newlines_from;  // whose bare CR and LF are repaired
    std::uint32_t connection_limit = 5000;
    std::uint32_t connection_limit_per_address = 50;
    std::size_t hop_limit = 50;  // Received fields
    // RFC 5321 §4.5.3.2
    std::chrono::milliseconds command_timeout{300'000};
    std::chrono::milliseconds data_timeout{180'000};
    std::chrono::milliseconds transaction_time{3'600'000};
    std::chrono::milliseconds session_time{86'400'000};
    Octets minimum_data_rate = 100;  // octets a second while content arrives, after the grace; 0: none
    std::chrono::seconds data_rate_grace{30};
};

}  // namespace relevo

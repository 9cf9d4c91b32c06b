// What is known about a domain and about this server before the DNS is asked.
#pragma once

#include "lib/base/identifier.h"
#include "lib/dns/record.h"

#include <cstdint>
#include <string>
#include <vector>

namespace relevo::setup {

enum class KeyRole : std::uint8_t {
    signing,           // signs, or will as soon as its record is there
    second_algorithm,  // signs beside it, for receivers that know its algorithm
    waiting,           // for its turn; or mail that it signed is still on its way
};

struct SendingKey {
    std::string name;    // "s1._domainkey.example.com"
    std::string record;  // the whole key record, "v=DKIM1; k=rsa; p=…"
    KeyRole role = KeyRole::signing;
};

// Names are A-labels in lower case without final dot; an empty one stands for "not used here".
// Where people read the domain's mail, on a server of somebody else.
struct MailboxService {
    std::string label;  // "_imaps._tcp" (RFC 6186 §3.2, §3.3)
    std::string host;
    std::uint16_t port = 0;
};

struct DomainFacts {
    DomainId id{};      // none: not a domain of this server's
    TenantId tenant{};  // whose it is
    std::string domain;
    std::string host_name;               // of this server, as EHLO and the PTR records say
    std::vector<dns::IpAddress> egress;  // where our mail leaves from
    std::vector<SendingKey> keys;
    std::string ownership_name;     // where the owner proves that the domain is theirs …
    std::string ownership_value;    // … with this TXT record
    bool ownership_proven = false;  // has been seen at least once
    std::string return_path;        // sub-domain for bounce addresses, "bounces.example.com"
    std::string spf_include;        // the operator's record that customers include, "_spf.relay.example"
    std::string key_zone;           // the operator's zone of keys, for those who publish a CNAME
    std::string tracking_host;      // "links.example.com"
    std::string report_address;     // gets DMARC and TLS reports
    std::string mail_exchanger;     // host that takes the domain's mail for us
    std::string policy_host;        // web server of the operator that has the MTA-STS policy
    // Where mail clients find `host_name`; 0: not there.
    std::uint16_t submission_port = 0;    // STARTTLS
    std::uint16_t submissions_port = 0;   // TLS from the start
    std::uint16_t autodiscover_port = 0;  // HTTPS
    bool serves_autoconfig = false;       // web pages on port 80 or 443, where clients look
    std::vector<MailboxService> mailboxes;
};

}  // namespace relevo::setup

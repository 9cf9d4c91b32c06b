// The DNS records that a domain must publish to send through us: one list for the command line, the console, the zone
// file and the checks.
#pragma once

#include "core/setup/facts.h"
#include "core/setup/words.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::setup {

enum class Purpose : std::uint8_t {
    ownership,          // the domain is theirs
    signing_key,        // DKIM (RFC 6376 §3.6)
    sending_hosts,      // SPF (RFC 7208)
    return_path,        // MX and SPF of the bounce addresses' sub-domain
    policy,             // DMARC (RFC 9989)
    incoming_mail,      // MX
    transport_policy,   // MTA-STS (RFC 8461)
    transport_reports,  // TLS-RPT (RFC 8460)
    tracking,           // host of links and pictures
    clients,            // mail clients that set themselves up (RFC 6186, RFC 8314)
    service,            // in the operator's zone: what customers refer to
};
// "ownership", "dkim", "spf", …: stable words for programs.
[[nodiscard]] std::string_view name_of(Purpose purpose);

enum class Need : std::uint8_t { required, recommended, optional };
[[nodiscard]] std::string_view name_of(Need need);

enum class RecordStatus : std::uint8_t {
    unknown,  // the DNS has not been asked, or did not answer
    missing,  // no such record
    differs,  // there is another one in its place
    found,    // as wanted, or as good
};
[[nodiscard]] std::string_view name_of(RecordStatus status);

// Whose zone a record belongs to.
enum class Zone : std::uint8_t { customer, operator_zone };

struct PlannedRecord {
    Purpose purpose{};
    Need need = Need::required;
    Zone zone = Zone::customer;
    std::string name;  // absolute, without final dot
    dns::RecordType type = dns::RecordType::txt;
    std::chrono::seconds ttl{3600};
    std::string value;  // TXT: the whole text, unquoted. MX: "10 mx.example.com". SRV: "0 1 587 mx.example.com". CNAME:
                        // a name. No final dots.
    std::string instead;  // a CNAME may stand there instead, with this target; "" if not
    Words why;
    Words action;  // what to do; empty once there is nothing to do

    RecordStatus status = RecordStatus::unknown;
    std::vector<std::string> found;  // what the DNS has under that name and type
    Words remark;                    // what else is to be known about what was found
};

// What the domain publishes already and the plan must live with.
struct Published {
    std::vector<std::string> spf;  // every TXT record that begins with v=spf1
    std::vector<std::string> return_path_spf;
    std::vector<std::string> dmarc;  // every record at _dmarc that begins with v=DMARC1
    bool spf_suffices = false;       // it lets every address of ours send already
    bool return_path_spf_suffices = false;
    std::vector<std::string> name_servers;
};

struct DnsPlan {
    std::string domain;
    std::vector<std::string> name_servers;  // that answer for the domain now; empty if unknown
    std::vector<PlannedRecord> records;     // in the order to publish them
    std::vector<Words> advice;              // about the domain as a whole

    [[nodiscard]] bool is_complete() const;  // every required record was found
};

// Pure: the same facts give the same plan.
[[nodiscard]] DnsPlan make_plan(const DomainFacts& facts, const Published& published);

}  // namespace relevo::setup

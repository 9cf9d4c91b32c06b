// What the command line needs from the rest of the process; app/relevo implements it.
#pragma once

#include "app/configuration/configuration.h"
#include "lib/addresscheck/address_check.h"
#include "lib/dns/record.h"
#include "lib/mail/report.h"

#include <boost/json/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::cli {

// Where in a conversation `relevo sink` misbehaves.
enum class SinkStage : std::uint8_t { connect, ehlo, mail, rcpt, data, end };
[[nodiscard]] std::string_view name_of(SinkStage stage);

struct SinkFault {
    SinkStage stage = SinkStage::rcpt;
    std::uint16_t code = 0;  // reply to give; 0: drop the connection instead
    double share = 1;        // of cases, 0 to 1
};

struct SinkOptions {
    std::vector<Endpoint> listen;
    std::string maildir;  // empty: keep nothing
    bool show = false;    // print every message
    bool lmtp = false;
    bool json = false;        // one JSON object per message on standard output
    std::string certificate;  // with key: offers STARTTLS
    std::string key;
    std::chrono::milliseconds delay{0};  // before every reply
    std::vector<SinkFault> faults;
    std::chrono::seconds greylist{0};  // 0: off
    std::vector<std::string> without;  // extensions not offered, upper case
    std::uint64_t count = 0;           // end after so many messages; 0: never
};

struct SendTestOptions {
    std::string to;
    std::string from;
    std::string host;  // name or address
    std::uint16_t port = 587;
    ListenerTls tls = ListenerTls::starttls;
    bool verify = true;  // false for our own listener, whose certificate may be self-signed
    std::string user;    // empty: no AUTH
    std::string password;
    std::string subject;
    std::optional<SourceSettings> source;  // with its ehlo_name filled in; none: the system's choice
    bool json = false;
};

// The commands that look at mail authentication, at addresses, and at what came back.
enum class Lookup : std::uint8_t {
    message,
    spf,
    dkim,
    dkim_sign,
    dmarc,
    arc,
    mta_sts,
    dane,
    bounce,
    limits,
    address,
    connection
};

struct LookupOptions {
    Lookup lookup = Lookup::message;
    std::string subject;                     // domain, address, host or host:port
    std::string file;                        // the message; "-": standard input
    std::optional<dns::IpAddress> client;    // who sent it
    std::optional<std::string> helo;         // not given: nothing is known
    std::optional<std::string> from;         // "" and "<>": the null reverse-path
    std::string domain, selector, key_file;  // of dkim_sign
    std::vector<std::uint16_t> ports;        // of connection; empty: the usual ones
    std::vector<std::string> files;          // of bounce
    std::vector<std::string> addresses;      // of address, beside the lines of `file`
    std::string lists_file;                  // likewise; empty: the built-in lists
    std::string host;                        // of bounce: who gave the reply
    std::string patterns_file;               // likewise; empty: the built-in table
    std::string limits_file;                 // of limits: the operator's; empty: none
    std::vector<std::string> mail_hosts;     // likewise: instead of those that the DNS names
    std::string site, source, pool, tenant;  // likewise
    // Of address: what is remembered of them; of what is not there, nothing. Empty: nobody is asked.
    std::function<Result<std::map<std::string, addresscheck::History>>(const std::vector<std::string>&)> history_of;
    std::string dns_file;  // answers from here; empty: from the network
    std::uint16_t policy_port = 443;
    DnsSettings dns;
    bool opens_private_zones = false;  // reserved names such as "test" are asked for like any other
    mail::Language language = mail::Language::english;
    bool json = false;
};

// What keeps the store safe.
enum class StoreCommand : std::uint8_t {
    backup_create,
    backup_list,
    backup_verify,
    backup_restore,
    doctor,
    export_tenant
};

struct StoreOptions {
    StoreCommand command = StoreCommand::doctor;
    std::string configuration_path;
    std::string folder;    // of backups, or of an export
    std::string tenant;    // of export_tenant
    std::string name;      // of one; empty: the newest
    std::string data_dir;  // of backup_restore; empty: as the configuration says
    std::size_t keep = 0;  // of backup_create: so many stay; 0: all
    bool full = false;     // likewise: nothing is taken over from earlier ones
    Octets rate = 0;       // likewise: octets a second; 0: no limit
    bool send_queued = false;
    bool json = false;
};

// The central relay, as an office finds it.
struct LanRelay {
    std::string host;  // name or address
    std::uint16_t port = 587;
    std::string key_sha256;  // octets; empty: not known
};

// Why an office may trust the certificate that the central relay shows.
enum class LanTrust : std::uint8_t {
    verified,  // an authority vouches for it
    pinned,    // it has the key that the token names
};

class Commands {
 public:
    virtual ~Commands() = default;
    // Runs until told to stop. Returns the exit code.
    virtual int serve(const Configuration& configuration, const std::string& configuration_path) = 0;
    // Performs a request on the store itself, since no server runs. Returns the whole answer, {"ok":…}
    // (docs/control-protocol.md).
    virtual boost::json::object handle_offline(const Configuration& configuration,
                                               const boost::json::object& request) = 0;
    virtual int sink(const SinkOptions& options) = 0;
    virtual int send_test(const SendTestOptions& options) = 0;
    // Connects and looks at the certificate. Errors: the detail says what to do.
    virtual Result<LanTrust> look_at_relay(const LanRelay& relay) = 0;
    // Logs in there by PLAIN, under the same conditions. Errors: refused – the relay's words. Others: it is not known
    // whether the login was heard.
    virtual Result<void> log_in_at_relay(const LanRelay& relay, LanTrust trust, const std::string& login,
                                         const std::string& password) = 0;
    // Prints what it finds; returns the exit code.
    virtual int look_up(const LookupOptions& options) = 0;
    // The same. `configuration` is nullptr where it could not be read.
    virtual int keep_store(const StoreOptions& options, const Configuration* configuration) = 0;
};

}  // namespace relevo::cli

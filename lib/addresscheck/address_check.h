// Whether an address will take mail, as far as that can be known without sending any: its spelling, its domain's mail
// servers, what lists say, what happened before (RFC 5321 §4.1.2, §5.1; RFC 7505).
#pragma once

#include "lib/addresscheck/address_lists.h"
#include "lib/dns/inquiry.h"
#include "lib/mail/address.h"
#include "lib/mail/report.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::addresscheck {

// What was found; the names are part of what programs read and stay as they are.
enum class Finding : std::uint8_t {
    // certain: mail cannot arrive
    syntax,             // no address at all
    no_such_domain,     // NXDOMAIN
    null_mx,            // the domain says that it takes no mail (RFC 7505)
    no_mail_server,     // neither MX nor address
    no_server_address,  // MX records, but none of the servers has an address that mail could go to
    suppressed,         // own history: must not be written to
    bounced,            // own history: the last mail came back for good
    // doubts
    typo,             // another domain was probably meant
    disposable,       // a mailbox to be thrown away
    no_mx,            // an address without MX: allowed (RFC 5321 §5.1), but mostly a web server
    address_literal,  // "[192.0.2.1]" in place of a domain
    role,             // a task and not a person
    needs_smtputf8,   // the local part is not ASCII: not every server takes it (RFC 6531)
    // nothing is known
    dns_trouble,
};
[[nodiscard]] std::string_view name_of(Finding finding);

enum class Verdict : std::uint8_t {
    good,     // nothing speaks against it
    risky,    // will perhaps come back, or do harm
    bad,      // cannot arrive
    unknown,  // the DNS did not answer
};
[[nodiscard]] std::string_view name_of(Verdict verdict);

// How a domain takes mail.
enum class MailState : std::uint8_t {
    receives,
    receives_without_mx,
    no_such_domain,
    null_mx,
    no_mail_server,
    no_server_address,
    unknown,
};
struct DomainMail {
    MailState state = MailState::unknown;
    std::vector<std::string> hosts;  // of its MX records, in their order; at most mail_host_limit
    std::string problem;             // what the DNS did, for unknown
};
inline constexpr std::size_t mail_host_limit = 5;

// Whether private and loopback addresses count as reachable: in tests and inside a company.
enum class PrivateAddresses : bool { refused, allowed };

// Asks for MX, then for addresses until a server has one. `domain`: A-labels. A fault of the DNS gives `unknown`.
[[nodiscard]] dns::Inquiry<DomainMail> find_mail_servers(std::string domain, PrivateAddresses private_addresses);

// What is remembered of an address.
struct History {
    std::string suppressed;  // why nothing must go there: "complaint", "unsubscribed" …; "": it may
    bool bounced = false;    // the last mail came back for good
};
using HistoryOf = std::function<History(const mail::Address&)>;  // may be empty

struct Text {
    std::string reason;
    std::string what_to_do;  // "" if nothing
};

struct AddressReport {
    std::string given;
    std::string address;               // canonical; "" if it is none
    std::string domain;                // A-labels; "" likewise and for literals
    std::vector<Finding> findings;     // the gravest first
    std::optional<std::string> meant;  // the whole address as it was probably meant
    std::string syntax_problem;        // for syntax
    DomainMail mail;
    History history;
    int score = 0;  // 0 cannot arrive … 100 nothing speaks against it
    Verdict verdict = Verdict::unknown;

    [[nodiscard]] bool has(Finding finding) const;
};
[[nodiscard]] Text explain(const AddressReport& report, Finding finding, mail::Language language);

// The domain (A-labels) that must be asked about before judge_address(). "": none, the spelling says it all.
[[nodiscard]] std::string domain_to_ask(std::string_view text);

// `text`: as a person typed it; white space around it does not count. `mail`: of domain_to_ask().
[[nodiscard]] AddressReport judge_address(std::string_view text, DomainMail mail, const AddressLists& lists,
                                          const HistoryOf& history);

// All of it for one address. `lists` must outlive the inquiry.
[[nodiscard]] dns::Inquiry<AddressReport> check_address(std::string text, const AddressLists& lists,
                                                        PrivateAddresses private_addresses, HistoryOf history);

}  // namespace relevo::addresscheck

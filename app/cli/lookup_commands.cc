#include "app/cli/lookup_commands.h"

#include "app/cli/command_rows.h"
#include "app/cli/options.h"
#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo::cli {
namespace {

using enum OptionKind;

struct LookupName {
    std::string_view command;
    Lookup lookup;
};
constexpr auto lookup_names = std::to_array<LookupName>({{"check auth", Lookup::message},
                                                         {"spf check", Lookup::spf},
                                                         {"dkim check", Lookup::dkim},
                                                         {"dkim sign", Lookup::dkim_sign},
                                                         {"dmarc check", Lookup::dmarc},
                                                         {"arc check", Lookup::arc},
                                                         {"mtasts lookup", Lookup::mta_sts},
                                                         {"dane lookup", Lookup::dane},
                                                         {"bounce classify", Lookup::bounce},
                                                         {"config explain", Lookup::limits},
                                                         {"address check", Lookup::address},
                                                         {"check connection", Lookup::connection}});

// The domain, or "site" and the domain.
Result<std::string> domain_of(std::vector<std::string> words) {
    if (words.size() == 2 && words.front() == "site") words.erase(words.begin());
    if (words.size() != 1) return failure(ErrorKind::invalid, "give one domain: relevo config explain gmail.com");
    return words.front();
}

constexpr OptionSpec message_file{"FILE", "file", text, "The message as it arrived, - reads the input", true};
constexpr OptionSpec language{"--language", "language", text, "es or en: language of the explanations"};
constexpr OptionSpec dns_file{"--dns", "dns_file", text,
                              "Take DNS answers from this file instead of asking (docs/formats/dns-answers.md)"};
constexpr OptionSpec client_ip{"--ip", "ip", text, "Address of the server that sent the message"};
constexpr OptionSpec client_helo{"--helo", "helo", text, "Name that it gave in HELO or EHLO"};
constexpr OptionSpec envelope_from{"--from", "from", text, "Envelope sender; <> for none"};

}  // namespace

void add_lookup_commands(std::vector<CommandSpec>& table) {
    table.push_back(do_here("check auth",
                            "Explain what receivers find out about a message by SPF, DKIM, ARC and DMARC, step by step",
                            {message_file, client_ip, client_helo, envelope_from, language, dns_file}));
    table.push_back(do_here("check connection",
                            "Try from this machine by which ports and which encryption programs can log in to a mail "
                            "server, and tell why the others fail",
                            {{"HOST", "subject", text, "The server's name, as programs are given it", true},
                             {"--port", "ports", list, "Only this port; repeatable (default: 587, 465, 2525, 25, 125)"},
                             language}));
    table.push_back(do_here("spf check",
                            "Show an SPF record and what its look-ups cost; whether it lets an address send",
                            {{"DOMAIN", "subject", text, "Domain, or whole address of a sender", true},
                             {"--ip", "ip", text, "Would this address be allowed to send?"},
                             client_helo,
                             {"--from", "from", text, "Envelope sender (default: postmaster of the domain)"},
                             language,
                             dns_file}));
    table.push_back(
        do_here("dkim check", "Verify every DKIM signature of a message", {message_file, language, dns_file}));
    table.push_back(do_here("dkim sign", "Print a message with a DKIM signature in front",
                            {{"FILE", "file", text, "The message, - reads the input", true},
                             {"--domain", "domain", text, "Who signs (d=)", true},
                             {"--selector", "selector", text, "Which of its keys (s=)", true},
                             {"--key", "key_file", text, "PEM file of the private key, RSA or Ed25519", true}}));
    table.push_back(do_here(
        "dmarc check", "Find the DMARC record that speaks for a domain and name its mistakes; judge a message by it",
        {{"DOMAIN", "subject", text, "Domain of an author"},
         {"--message", "file", text, "Judge this message, - reads the input"},
         client_ip,
         client_helo,
         envelope_from,
         language,
         dns_file}));
    table.push_back(do_here("arc check", "Verify the ARC chain of a message", {message_file, language, dns_file}));
    table.push_back(
        do_here("mtasts lookup", "Show the MTA-STS record and policy of a domain, and whether its MX fit",
                {{"DOMAIN", "subject", text, "Domain that receives mail", true},
                 {"--port", "port", number, "Port of the policy's web server (default 443, as senders ask)"},
                 dns_file}));
    table.push_back(do_here("dane lookup", "Show the TLSA records of a mail server, and whether its certificate fits",
                            {{"HOST", "subject", text, "Host, or HOST:PORT (default 25)", true}, dns_file}));
    table.push_back(do_here(
        "bounce classify", "Tell why mail came back: for each recipient the reason, whether it is for good, what to do",
        {{"FILE", "files", files,
          "A mail that came back, or the reply of a server such as \"550 5.1.1 No such user\"; - reads "
          "the input",
          true},
         {"--host", "host", text, "Mail server that gave the reply: providers have codes of their own"},
         {"--patterns", "patterns_file", text, "Use the patterns of this file (docs/formats/bounce-patterns.md)"},
         language}));
    table.push_back(
        do_here("config explain",
                "Show what limits the mail to a domain, and where each value comes from "
                "(docs/formats/shaping.md)",
                {{"DOMAIN", "words", files, "Domain that receives mail; \"site DOMAIN\" is the same", true},
                 {"--mx", "mail_hosts", list, "Its mail server, instead of asking the DNS; repeatable"},
                 {"--site", "site", text, "Heed rules for this site"},
                 {"--source", "source", text, "Heed rules for this egress source"},
                 {"--pool", "pool", text, "Heed rules for this pool of sources"},
                 {"--tenant", "tenant", text, "Show the limits of this tenant's own instead of the common ones"},
                 {"--limits", "limits_file", text, "Use this file instead of that of delivery.shaping"},
                 dns_file}));
    table.push_back(
        do_here("address check",
                "Tell whether addresses will take mail: spelling, slips, mail servers of the domain, disposable "
                "and role addresses",
                {{"ADDRESS", "addresses", files, "An address"},
                 {"--tenant", "tenant", text, "And whether it is on this tenant's suppression list"},
                 {"--file", "file", text, "And those of this file, one a line; - reads the input"},
                 {"--lists", "lists_file", text,
                  "Use the lists of this file (docs/formats/address-lists.md; default: checks.address_lists)"},
                 language,
                 dns_file}));
}

bool is_lookup(const CommandSpec& command) {
    return std::ranges::find(lookup_names, command.name, &LookupName::command) != lookup_names.end();
}

Result<LookupOptions> lookup_options(const CommandSpec& command, const boost::json::object& arguments,
                                     const Configuration* configuration) {
    LookupOptions options;
    const auto found = std::ranges::find(lookup_names, command.name, &LookupName::command);
    if (found == lookup_names.end()) return failure(ErrorKind::internal, "not a look-up");
    options.lookup = found->lookup;
    options.subject = text_of(arguments, "subject");
    if (options.lookup == Lookup::limits) {
        RELEVO_TRY(options.subject, domain_of(list_of(arguments, "words")));
    }
    options.file = text_of(arguments, "file");
    options.files = list_of(arguments, "files");
    options.addresses = list_of(arguments, "addresses");
    options.lists_file = text_of(arguments, "lists_file");
    options.host = text_of(arguments, "host");
    options.patterns_file = text_of(arguments, "patterns_file");
    options.limits_file =
        text_of(arguments, "limits_file", configuration != nullptr ? configuration->delivery.shaping : "");
    options.mail_hosts = list_of(arguments, "mail_hosts");
    options.site = text_of(arguments, "site");
    options.source = text_of(arguments, "source");
    options.pool = text_of(arguments, "pool");
    options.tenant = text_of(arguments, "tenant");
    if (options.lookup == Lookup::address && options.addresses.empty() && options.file.empty())
        return failure(ErrorKind::invalid, "check what? Give an ADDRESS, or a list with --file LIST");
    if (options.subject.empty() && options.file.empty() && options.files.empty() && options.addresses.empty())
        return failure(ErrorKind::invalid, "check what? Give a DOMAIN, or a message with --message FILE");
    if (arguments.contains("ip")) {
        auto address = dns::IpAddress::parse(text_of(arguments, "ip"));
        if (!address) return failure(ErrorKind::invalid, "--ip: write an address such as 192.0.2.1");
        options.client = *address;
    }
    for (const std::string& given : list_of(arguments, "ports")) {
        const auto port = parse_decimal<std::uint16_t>(given);
        if (!port || *port == 0) return failure(ErrorKind::invalid, "--port: 1 to 65535");
        options.ports.push_back(*port);
    }
    if (arguments.contains("helo")) options.helo = text_of(arguments, "helo");
    if (arguments.contains("from")) options.from = text_of(arguments, "from");
    options.domain = text_of(arguments, "domain");
    options.selector = text_of(arguments, "selector");
    options.key_file = text_of(arguments, "key_file");
    options.dns_file = text_of(arguments, "dns_file");
    if (const auto* port = arguments.if_contains("port")) {
        const auto number = port->to_number<std::int64_t>();
        if (number < 1 || number > 65535) return failure(ErrorKind::invalid, "--port: 1 to 65535");
        options.policy_port = static_cast<std::uint16_t>(number);
    }
    if (configuration != nullptr) {
        options.dns = configuration->dns;
        options.opens_private_zones = configuration->delivery.allow_private_addresses;
        options.language = configuration->server.language;
        if (options.lists_file.empty()) options.lists_file = configuration->checks.address_lists;
    }
    if (arguments.contains("language")) {
        const auto chosen = mail::parse_language(text_of(arguments, "language"));
        if (!chosen) return failure(ErrorKind::invalid, "--language: use es or en");
        options.language = *chosen;
    }
    return options;
}

}  // namespace relevo::cli

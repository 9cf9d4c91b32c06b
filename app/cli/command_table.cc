#include "app/cli/command_table.h"

#include "app/cli/account_commands.h"
#include "app/cli/certificate_commands.h"
#include "app/cli/command_rows.h"
#include "app/cli/lookup_commands.h"
#include "app/cli/plan_commands.h"
#include "app/cli/statistics_commands.h"
#include "app/cli/store_commands.h"
#include "app/cli/webhook_commands.h"

#include <algorithm>

namespace relevo::cli {
namespace {

using enum OptionKind;
using enum Performer;

constexpr OptionSpec required_tenant{"--tenant", "tenant", text, "Name or id of the tenant", true};
constexpr OptionSpec credential_name{"CREDENTIAL", "credential", text, "Login or id of the credential", true};
constexpr OptionSpec output_language{"--language", "language", text, "es or en (default: server.language)"};
constexpr OptionSpec per_hour{"--messages-per-hour", "messages_per_hour", number, "Messages an hour; 0: no limit"};
constexpr OptionSpec per_day{"--messages-per-day", "messages_per_day", number, "Messages a day; 0: no limit"};

constexpr OptionSpec default_stream{"--stream", "stream", text,
                                    "transactional or bulk: the kind of mail of messages that do not say"};

std::vector<OptionSpec> credential_options(std::vector<OptionSpec> first) {
    const OptionSpec rest[] = {
        {"--label", "label", text, "Free text for people"},
        {"--domain", "domains", list, "May send only from these domains; repeatable"},
        {"--network", "networks", list, "May log in only from these networks; repeatable"},
        per_hour,
        per_day,
        default_stream,
        {"--expires", "expires_at", time, "Day or time at which it stops working"},
    };
    first.insert(first.end(), std::begin(rest), std::end(rest));
    return first;
}

std::vector<OptionSpec> with_filter(std::vector<OptionSpec> more) {
    std::vector<OptionSpec> options = {
        {"--id", "id", text, "A message or one of its recipients (msg_…, msg_…/0)"},
        {"--tenant", "tenant", text, "Mail of this tenant"},
        {"--sender", "sender", text, "Mail from this address"},
        {"--recipient", "recipient", text, "Mail to this address"},
        {"--domain", "domain", text, "Mail to this domain"},
        {"--destination", "destination", text, "Mail of this destination, as `queue summary` names it"},
        {"--site", "site", text, "Mail to this site or provider, as `site list` names it (needs the server)"},
        {"--state", "state", text,
         "waiting, active, held, scheduled (its time has not come), restored (held since a restore or a repair), quota "
         "(waits for "
         "one), or releasable (restored, held or quota)"},
    };
    options.insert(options.end(), more.begin(), more.end());
    return options;
}

CommandSpec bulk(std::string_view name, std::string_view request, std::string_view summary) {
    return {.name = name,
            .request = request,
            .performer = server_or_store,
            .summary = summary,
            .options = with_filter({{"--all", "all", flag, "Everything that waits"},
                                    {"--reason", "reason", text, "Kept in the history of each message"},
                                    {"--dry-run", "dry_run", flag, "Only count"},
                                    {"--yes", "yes", flag, "Do not ask"}}),
            .fixed_arguments = {},
            .confirmation = Confirmation::after_count};
}

CommandSpec ask(std::string_view name, std::string_view request, Performer performer, std::string_view summary,
                std::vector<OptionSpec> options = {}, std::string_view fixed_arguments = {}) {
    return {.name = name,
            .request = request,
            .performer = performer,
            .summary = summary,
            .options = std::move(options),
            .fixed_arguments = fixed_arguments};
}

void add_process_commands(std::vector<CommandSpec>& table) {
    table.push_back(do_here("serve", "Run the server until SIGTERM; SIGHUP reloads the configuration"));
    table.push_back(
        do_here("setup", "Write a first configuration, make the data folder, a tenant, its domain and a credential",
                {{"--host-name", "host_name", text, "Full name of this server"},
                 {"--domain", "domain", text, "Domain that will send"},
                 {"--tenant", "tenant", text, "Name of the first tenant (default: the domain)"},
                 {"--language", "language", text, "es or en: language of reports and of the file's comments"},
                 {"--data-dir", "data_dir", text, "Folder of the store"},
                 {"--run-dir", "run_dir", text, "Folder of the control socket"},
                 {"--user", "user", text, "User that the server runs as (default: relevo when set up by root)"},
                 {"--certificates", "certificates", flag,
                  "Certificates come by themselves from Let's Encrypt, over port 80; you agree to its terms"},
                 {"--yes", "yes", flag, "Do not ask, use the options and defaults"}}));
    table.push_back(
        do_here("check",
                "Look for whatever could keep mail from being sent and accepted, and say what to do: of this "
                "server, or of one domain",
                {{"DOMAIN", "domain", text, "Check this domain instead of the server"}, output_language}));
    table.push_back(do_here("config check", "Read the configuration and list all problems"));
    table.push_back(do_here("config show", "Print the values in force and where each comes from"));
    table.push_back(do_here("config reference", "Explain every setting",
                            {{"--language", "language", text, "es or en"},
                             {"--sample", "sample", flag, "Print a file to begin with instead"}}));
    table.push_back(
        do_here("sink", "Run a small SMTP server that takes everything and can misbehave, for trying things",
                {{"--listen", "listen", list, "Address and port (default 127.0.0.1:2525); repeatable"},
                 {"--maildir", "maildir", text, "Store every message in this Maildir"},
                 {"--show", "show", flag, "Print every message"},
                 {"--lmtp", "lmtp", flag, "Speak LMTP (RFC 2033)"},
                 {"--certificate", "certificate", text, "PEM certificate: offers STARTTLS"},
                 {"--key", "key", text, "Its private key"},
                 {"--delay", "delay", text, "Wait before every reply, such as 2s"},
                 {"--reply", "reply", list,
                  "STAGE=CODE[@SHARE]: answer connect, ehlo, mail, rcpt, data or end with CODE, in this share of "
                  "cases (0 to 1); repeatable"},
                 {"--greylist", "greylist", text, "Refuse each sender and recipient with 451 for this long"},
                 {"--drop", "drop", list, "STAGE[@SHARE]: close the connection there without a reply; repeatable"},
                 {"--without", "without", list, "Do not offer this extension, such as PIPELINING; repeatable"},
                 {"--count", "count", number, "End after this many messages"}}));
    table.push_back(
        do_here("send-test", "Send one test message through a server by SMTP",
                {{"TO", "to", text, "Address that gets it", true},
                 {"--from", "from", text, "Sender (default: postmaster of server.host_name)"},
                 {"--server", "server", text, "host:port (default: our first submission listener, on this machine)"},
                 {"--any-certificate", "any_certificate", flag,
                  "Do not verify the server's certificate (never done for our own listener)"},
                 {"--tls", "tls", text, "none, starttls, implicit (default: as the listener asks)"},
                 {"--user", "user", text, "Login"},
                 {"--password-file", "password", secret_file,
                  "Its password: the first line of this file (- reads it from the input)"},
                 {"--source", "source", text,
                  "Send from this source, as `source list` names it, through its proxy if it has one"},
                 {"--subject", "subject", text, "Subject of the message"}}));
    table.push_back(
        ask("reload", "server.reload", server, "Read the configuration again; a wrong one changes nothing"));
    table.push_back(ask("store repair", "store.repair", server_or_store,
                        "Set a damaged database aside and save what can be read of it; the server must be stopped"));
    table.push_back(ask("settings", "server.submission", server_or_store,
                        "Show what to type into mail programs: host, ports, and the page that explains each program"));
    table.push_back(ask("status", "server.status", server, "What the running server is doing"));
    table.push_back(ask("problems", "server.problems", server, "The last warnings and errors of the running server"));
    table.push_back(do_here(
        "doctor-bundle", "Write what somebody who helps needs to know into a file, without secrets and mail addresses",
        {{"FILE", "file", text, "File to write; it must not be there yet", true}}));
    table.push_back(do_here("completion", "Print a script that completes commands and options in a shell",
                            {{"SHELL", "shell", text, "bash, zsh or fish", true}}));
    table.push_back(
        do_here("manual-page", "Print a page for man(1)", {{"PAGE", "page", text, "relevo or relevo.toml", true}}));
    table.push_back(do_here("version", "Print the version"));
}

void add_tenancy_commands(std::vector<CommandSpec>& table) {
    const OptionSpec tenant{"TENANT", "tenant", text, "Name or id of the tenant", true};
    table.push_back(ask("tenant add", "tenant.add", server_or_store, "Add a tenant",
                        {{"NAME", "name", text, "Its name", true},
                         {"--language", "language", text, "es or en: language of the reports that its senders get"}}));
    table.push_back(ask("tenant list", "tenant.list", server_or_store, "List tenants"));
    table.push_back(ask("tenant show", "tenant.show", server_or_store,
                        "Show a tenant, and how much of its mail bounces or is complained about", {tenant}));
    table.push_back(ask("tenant release", "tenant.release", server_or_store,
                        "Let a tenant that was held or slowed down for its mail send as others do", {tenant}));
    table.push_back(ask("tenant remove", "tenant.remove", server_or_store,
                        "Remove a tenant without domains, credentials and networks", {tenant}));
    table.push_back(ask("tenant suspend", "tenant.suspend", server_or_store, "Stop a tenant from sending", {tenant},
                        R"({"suspended":true})"));
    table.push_back(ask("tenant resume", "tenant.suspend", server_or_store, "Let a suspended tenant send again",
                        {tenant}, R"({"suspended":false})"));

    table.push_back(ask("tenant set", "tenant.set", server_or_store,
                        "Change what a tenant may have, and how its mail is sent",
                        {tenant,
                         {"--plan", "plan", text, "Its plan; \"\": none"},
                         {"--max-domains", "max_domains", number,
                          "At most so many domains, whatever the plan says; 0: as the plan says"},
                         {"--max-credentials", "max_credentials", number, "Likewise logins"},
                         {"--max-users", "max_users", number, "Likewise people in the console"},
                         {"--weight", "weight", number, "Its turns in a round of the queue, 1 to 1000"},
                         {"--tls", "tls", text,
                          "usual, required (never in clear) or verified (only to servers that prove who they are)"}}));

    table.push_back(ask("domain add", "domain.add", server_or_store, "Let a tenant send from a domain",
                        {{"DOMAIN", "domain", text, "The domain", true},
                         required_tenant,
                         {"--subdomains", "subdomains", flag, "And from every domain below it"},
                         {"--trusted", "trusted", flag, "Vouch for it: no proof in the DNS is asked for"},
                         {"--address", "addresses", list, "Only from these addresses of it; repeatable"}}));
    table.push_back(ask("domain dns", "domain.dns", server_or_store,
                        "Show the DNS records that a domain must publish, and which of them are there",
                        {{"DOMAIN", "domain", text, "The domain or its id", true},
                         {"--zone", "zone", flag, "Print them as lines of a zone file instead"},
                         {"--service", "service", flag, "With --zone: those of this service's own zone"},
                         output_language}));
    table.push_back(ask("domain list", "domain.list", server_or_store, "List domains", {of_tenant}));
    table.push_back(ask("domain verify", "domain.verify", server,
                        "Look in the DNS now: for the proof that a domain is its tenant's, and for its DKIM keys",
                        {{"DOMAIN", "domain", text, "The domain or its id", true}}));
    table.push_back(ask(
        "domain set", "domain.set", server_or_store,
        "Choose what happens to mail from outside to a domain, where its own mail comes back to, what is tracked of "
        "it, and what mail programs are told of its mailboxes",
        {{"DOMAIN", "domain", text, "The domain or its id", true},
         {"--dmarc", "dmarc", text,
          "none, quarantine or reject: how far to follow what the author's domain asks for; default: as "
          "verification.dmarc says"},
         {"--return-path", "return_path", text,
          "A sub-domain that bounces come back to, such as bounces.example.com; \"\": none of its own"},
         {"--track", "tracking", text,
          "opens, clicks, opens,clicks or none: what is noticed of its mail after delivery; default: as [tracking] "
          "says"},
         {"--tracking-host", "tracking_host", text,
          "A sub-domain that its links go to, such as t.example.com; \"\": the service's"},
         {"--mailboxes", "mailboxes", list,
          "Where its mailboxes are, for mail programs that set themselves up: imaps://HOST (TLS), imap://HOST "
          "(STARTTLS), pop3s://HOST, pop3://HOST, the preferred one first; repeatable; none: nobody is told"}}));
    table.push_back(ask("domain remove", "domain.remove", server_or_store, "Remove a domain",
                        {{"DOMAIN", "domain", text, "The domain or its id", true}}));

    const OptionSpec of_domain{"--domain", "domain", text, "Of mail from this domain"};
    const OptionSpec of_credential{"--credential", "credential", text, "Of this login"};
    const OptionSpec whose{"--tenant", "tenant", text, "Of this tenant"};
    const OptionSpec per{"--per", "per", text, "minute, hour, day or month (of the calendar, in UTC)", true};
    table.push_back(ask("quota list", "quota.list", server_or_store,
                        "List quotas with what is used of them and when there is room again", {of_tenant}));
    table.push_back(ask("quota show", "quota.show", server_or_store, "Show the quotas of one tenant, domain or login",
                        {whose, of_domain, of_credential}));
    table.push_back(
        ask("quota set", "quota.set", server_or_store, "Limit how many recipients a tenant, domain or login may have",
            {whose,
             of_domain,
             of_credential,
             per,
             {"--recipients", "recipients", number, "So many", true},
             {"--beyond", "beyond", text,
              "wait (accepted, delivered at the pace of the quota; the default), hold (accepted, delivered when the "
              "next period with room begins) or refuse (450, with the time when there is room)"}}));
    table.push_back(
        ask("quota remove", "quota.remove", server_or_store, "Remove a quota", {whose, of_domain, of_credential, per}));

    table.push_back(ask("network add", "network.add", server_or_store, "Let a network send without a password",
                        {{"NETWORK", "network", text, "Such as 192.0.2.0/24", true},
                         required_tenant,
                         {"--label", "label", text, "Free text for people"},
                         per_hour,
                         per_day,
                         default_stream}));
    table.push_back(ask("network list", "network.list", server_or_store, "List networks", {of_tenant}));
    table.push_back(ask("network remove", "network.remove", server_or_store, "Remove a network",
                        {{"NETWORK", "network", text, "The network or its id", true}}));
}

void add_credential_commands(std::vector<CommandSpec>& table) {
    table.push_back(ask(
        "credential add", "credential.add", server_or_store, "Make a login; its password is shown once and never again",
        credential_options({required_tenant,
                            {"--login", "login", text, "The login (default: made from the tenant's name)"},
                            password_file})));
    table.push_back(ask("credential list", "credential.list", server_or_store, "List credentials", {of_tenant}));
    table.push_back(
        ask("credential show", "credential.show", server_or_store, "Show one credential", {credential_name}));
    table.push_back(
        ask("credential remove", "credential.remove", server_or_store, "Remove a credential", {credential_name}));
    table.push_back(ask("credential rotate", "credential.rotate", server_or_store,
                        "Give a credential a new password; the old one stops working at once",
                        {credential_name, password_file}));
    table.push_back(
        ask("credential enable", "credential.enable", server_or_store, "Activate SMTP for it", {credential_name}));
    table.push_back(
        ask("credential disable", "credential.disable", server_or_store, "Deactivate SMTP for it", {credential_name}));
    table.push_back(ask("credential set", "credential.set", server_or_store,
                        "Change what is named; an empty value lifts a restriction",
                        credential_options({credential_name})));
    table.push_back(ask("credential failures", "login.failures", server_or_store,
                        "Tell why programs could not log in, and what to change in them, newest first",
                        {of_tenant,
                         {"--credential", "credential", text, "Only of this one, and of addresses where it is used"},
                         {"--limit", "limit", number, "At most this many, up to 500 (default 100)"},
                         output_language}));
}

void add_queue_commands(std::vector<CommandSpec>& table) {
    const OptionSpec limit{"--limit", "limit", number, "At most this many (default 100)"};
    const OptionSpec after{"--after", "after", text, "Continue a list that was cut"};
    const OptionSpec destination{"DESTINATION", "destination", text, "As `queue summary` names it", true};
    const OptionSpec reason{"--reason", "reason", text, "Shown by `queue why`"};
    const OptionSpec message{"ID", "id", text, "Id of the message (msg_…)", true};
    table.push_back(ask("queue list", "queue.list", server_or_store, "List recipients that have not got their mail yet",
                        with_filter({limit, after})));
    table.push_back(
        ask("queue show", "queue.show", server_or_store, "Show the waiting recipients of one message", {message}));
    table.push_back(ask("queue why", "queue.why", server, "Say why a message has not been delivered yet",
                        {{"ID", "id", text, "A message or one of its recipients (msg_…, msg_…/0)", true}}));
    table.push_back(ask("queue summary", "queue.summary", server, "Count what waits, by destination", {limit}));
    table.push_back(ask("queue site", "queue.site", server, "Count what waits, by site and source",
                        {{"SITE", "site", text, "Only this site, provider, or the site of this domain"}, limit}));
    table.push_back(
        ask("queue tenant", "queue.tenant", server, "Count what waits, by tenant and stream, and since when", {limit}));
    table.push_back(ask("queue top", "queue.top", server,
                        "Show where most waits, since when, why, and the last problem",
                        {{"--limit", "limit", number, "So many (default 10)"}}));
    table.push_back(bulk("queue hold", "queue.hold", "Keep mail until it is released"));
    table.push_back(bulk("queue release", "queue.release", "Let held mail go"));
    table.push_back(bulk("queue retry", "queue.retry", "Try mail again now"));
    table.push_back(bulk("queue drop", "queue.drop", "Remove mail without telling its sender"));
    table.push_back(ask("queue suspend", "queue.suspend", server_or_store, "Stop deliveries to a destination",
                        {destination, reason}));
    table.push_back(ask("queue resume", "queue.resume", server_or_store, "Deliver to a suspended destination again",
                        {destination}));
    table.push_back(ask("message show", "message.show", server_or_store, "Tell what happened to a message", {message}));
    table.push_back(ask("message cancel", "message.cancel", server_or_store,
                        "Take a message back that is to be sent later", {message}));
    table.push_back(
        ask("message content", "message.content", server_or_store, "Print a message that is still queued", {message}));
}

void add_source_commands(std::vector<CommandSpec>& table) {
    table.push_back(ask("source list", "source.list", server_or_store,
                        "List where mail leaves from: addresses, their names in the DNS, the name in EHLO, pools"));
    const OptionSpec name{"NAME", "source", text, "The source", true};
    table.push_back(ask("source drain", "source.drain", server_or_store,
                        "Let no new mail leave from a source, until it is resumed",
                        {name, {"--reason", "reason", text, "Shown by `source list`"}}));
    table.push_back(
        ask("source resume", "source.resume", server_or_store, "Let mail leave from a drained source again", {name}));
    table.push_back(ask("source warmup", "source.warmup", server,
                        "Show how a source gets known: the rules, and the day's messages at each provider",
                        {name, {"--provider", "provider", text, "Only there"}}));
}

void add_site_commands(std::vector<CommandSpec>& table) {
    const OptionSpec site{"SITE", "site", text, "A site as `site list` names it, a provider, or a domain", true};
    const OptionSpec site_or_provider{"SITE", "site", text, "A site as `site list` names it, or a provider", true};
    table.push_back(ask("site list", "site.list", server,
                        "List sites, the mail servers that destinations share, and what goes there from each source",
                        {{"--limit", "limit", number, "At most this many (default 100)"}}));
    table.push_back(ask("site show", "site.show", server,
                        "Show a site: hosts, destinations, and for each source limits, what was learned, and why",
                        {site}));
    table.push_back(ask("site suspend", "site.suspend", server_or_store,
                        "Stop deliveries to a site or a provider, also of destinations that lead there later",
                        {site_or_provider, {"--reason", "reason", text, "Shown by `queue why`"}}));
    table.push_back(ask("site resume", "site.resume", server_or_store, "Deliver to a suspended site or provider again",
                        {site_or_provider}));
    table.push_back(CommandSpec{.name = "site forget",
                                .request = "site.forget",
                                .performer = server,
                                .summary = "Forget what was learned of a site: rates, pauses, blocks, back-off",
                                .options = {site,
                                            {"--source", "source", text, "Only from this source"},
                                            {"--dry-run", "dry_run", flag, "Only count"},
                                            {"--yes", "yes", flag, "Do not ask"}},
                                .fixed_arguments = {},
                                .confirmation = Confirmation::after_count});
    table.push_back(
        ask("site explain", "site.explain", server_or_store,
            "Show what limits mail to a domain from each source now: each value, where it comes from, what it "
            "overrides, and what was learned",
            {{"DOMAIN", "domain", text, "Of recipients", true},
             {"--source", "source", text, "From this source (default: all of the pool)"},
             {"--tenant", "tenant", text, "With the rules for this tenant"}}));
    table.push_back(do_here("top", "Show live what is accepted, delivered and put off, and where mail waits",
                            {{"--once", "once", flag, "Print one page and end: without a terminal, for scripts"},
                             {"--interval", "interval", number, "Seconds between two looks (default 2)"},
                             {"--limit", "limit", number, "So many sites and tenants (default 10)"}}));
}

void add_signing_commands(std::vector<CommandSpec>& table) {
    const OptionSpec domain{"DOMAIN", "domain", text, "The domain or its id, or signing.service_domain", true};
    table.push_back(ask("dkim list", "dkim.list", server_or_store,
                        "List the keys that sign mail, and what the DNS shows",
                        {of_tenant, {"--all", "all", flag, "Withdrawn keys too"}}));
    table.push_back(ask("dkim show", "dkim.show", server_or_store,
                        "Show the keys of one domain with the records to publish", {domain}));
    table.push_back(ask("dkim rotate", "dkim.rotate", server_or_store,
                        "Make the next keys of a domain now; they sign once their records are in the DNS", {domain}));
    table.push_back(ask("dkim import", "dkim.import", server_or_store,
                        "Take a key that exists already, such as one of another server, as the next one",
                        {domain,
                         {"--selector", "selector", text, "Its selector", true},
                         {"--key-file", "key", secret_text_file, "Its PEM file (- reads the input)", true}}));
    table.push_back(ask("dkim forget", "dkim.forget", server_or_store,
                        "Give up all keys because the master key is lost; new ones are made when the server starts",
                        {{"--all", "all", flag, "All keys of all domains: there is no other way"}}));
}

void add_report_commands(std::vector<CommandSpec>& table) {
    const OptionSpec from_day{
        "--from-day", "from_day", text,
        "Of this day and later, such as 2027-01-31 (UTC); reports of others: default 30 days ago"};
    const OptionSpec limit{"--limit", "limit", number, "At most this many (default 100)"};
    table.push_back(ask("reports list", "reports.list", server_or_store,
                        "Sum up the reports that others sent about our domains",
                        {{"--domain", "domain", text, "About this domain only"}, from_day, limit}));
    table.push_back(ask("reports show", "reports.show", server_or_store,
                        "Show who sends in the name of a domain, those that fail first",
                        {{"DOMAIN", "domain", text, "The domain", true}, from_day, limit}));
    table.push_back(ask("reports sent", "reports.sent", server_or_store,
                        "List our DMARC aggregate reports to other domains, and why some were not sent",
                        {{"--domain", "domain", text, "About this domain only"}, from_day, limit}));
    table.push_back(ask("reports send", "reports.send", server,
                        "Send what waits of a day that is over now; what was sent is not sent again",
                        {{"--day", "day", text, "The day, such as 2027-01-31 (UTC)", true}}));
}

void add_suppression_commands(std::vector<CommandSpec>& table) {
    const OptionSpec address{"ADDRESS", "address", text, "The address", true};
    const OptionSpec reason{"--reason", "reason", text,
                            "hard_bounce, soft_bounces, complaint, unsubscribe or manual (default)"};
    const OptionSpec only_reason{"--reason", "reason", text, "Only for this reason"};
    const OptionSpec of_domain{"--domain", "domain", text, "Only addresses of this domain"};
    table.push_back(ask("suppression list", "suppression.list", server_or_store,
                        "List addresses that a tenant's mail does not go to",
                        {of_tenant,
                         only_reason,
                         of_domain,
                         {"--limit", "limit", number, "At most this many (default 100)"},
                         {"--after", "after", text, "Continue a list that was cut"}}));
    table.push_back(ask("suppression show", "suppression.show", server_or_store,
                        "Show why an address is suppressed, and how often it bounced lately", {address, of_tenant}));
    table.push_back(ask("suppression add", "suppression.add", server_or_store, "Send nothing to an address any more",
                        {address,
                         required_tenant,
                         reason,
                         {"--text", "text", text, "Free text for people"},
                         {"--expires", "expires_at", time, "Day or time at which it ends (default: never)"}}));
    table.push_back(ask("suppression remove", "suppression.remove", server_or_store,
                        "Send to an address again; its soft bounces are forgotten", {address, required_tenant}));
    table.push_back(ask("suppression import", "suppression.import", server_or_store,
                        "Take addresses from a CSV file: columns address, and reason, text, expires_at if there are "
                        "any; broken lines are named, the rest is taken",
                        {{"FILE", "file", text, "The file; - reads the input", true}, required_tenant, reason}));
    table.push_back(ask("suppression export", "suppression.list", server_or_store,
                        "Print the list as CSV, as `suppression import` takes it",
                        {of_tenant, only_reason, of_domain}));
}

void add_lan_commands(std::vector<CommandSpec>& table) {
    const OptionSpec device{"NAME", "name", text, "Its name, such as printer-2", true};
    table.push_back(
        ask("lan token create", "lan.token.create", server_or_store,
            "Make a token by which an office enrols, once; it is shown once and never again",
            {required_tenant,
             {"--label", "label", text, "What people call the office", true},
             {"--expires", "expires", text, "How long it may be used, such as 24h (the default), at most 30d"},
             {"--server", "server", text,
              "How the office reaches this server (default: its host name and first submission port)"}}));
    table.push_back(ask("lan token list", "lan.token.list", server_or_store, "List offices and their tokens"));
    table.push_back(ask("lan token revoke", "lan.token.revoke", server_or_store,
                        "Make a token useless; an office that is enrolled may send no more",
                        {{"OFFICE", "office", text, "Its label, login or id", true}}));
    table.push_back(do_here(
        "lan enroll", "Make this machine an office's smarthost, which hands mail up to a central relay",
        {{"SERVER", "server", text, "host:port of the central relay (default: as the token says)"},
         {"--token", "token", text, "The token that `lan token create` printed there"},
         {"--token-file", "token_text", secret_file, "The same from the first line of a file (- reads the input)"},
         {"--listen", "listen", list, "Address and port for the devices (default 0.0.0.0:25, 0.0.0.0:587); repeatable"},
         {"--network", "networks", list, "Networks whose devices may connect (default: all private ones); repeatable"},
         {"--host-name", "host_name", text, "Full name of this machine (default: the tenant's first domain)"},
         {"--language", "language", text, "es or en: language of reports and of the file's comments"},
         {"--data-dir", "data_dir", text, "Folder of the store"},
         {"--run-dir", "run_dir", text, "Folder of the control socket"},
         {"--user", "user", text, "User that the server runs as (default: relevo when run by root)"}}));
    table.push_back(ask("lan device add", "lan.device.add", server_or_store,
                        "Let a device of the office send, by its address or by a login of its own",
                        {device,
                         {"--network", "network", text, "Its address, or a network such as 192.168.1.64/28"},
                         {"--login", "login", flag, "Give it a login of that name; the password is shown once"},
                         {"--tenant", "tenant", text, "Whose it is (default: the only tenant)"},
                         password_file}));
    table.push_back(ask("lan device list", "lan.device.list", server_or_store, "List devices"));
    table.push_back(ask("lan device remove", "lan.device.remove", server_or_store,
                        "Remove a device, and its login or network", {{"NAME", "device", text, "Its name", true}}));
    table.push_back(
        ask("lan report", "lan.report", server_or_store,
            "Show what became of each device's mail, at the office or at the central relay",
            {{"--days", "days", number, "Of this many days, today included (default 7)"}, output_language}));
}

std::vector<CommandSpec> make_table() {
    std::vector<CommandSpec> table;
    add_process_commands(table);
    add_lookup_commands(table);
    add_tenancy_commands(table);
    add_signing_commands(table);
    add_credential_commands(table);
    add_account_commands(table);
    add_plan_commands(table);
    add_store_commands(table);
    add_webhook_commands(table);
    add_certificate_commands(table);
    add_queue_commands(table);
    add_statistics_commands(table);
    add_source_commands(table);
    add_site_commands(table);
    add_report_commands(table);
    add_suppression_commands(table);
    add_lan_commands(table);
    return table;
}

}  // namespace

std::span<const CommandSpec> command_table() {
    static const std::vector<CommandSpec> table = make_table();
    return table;
}

std::span<const CommandGroup> command_groups() {
    static constexpr CommandGroup groups[] = {
        {"spf", "Who may send for a domain"},
        {"dmarc", "What a domain wants done with mail that nobody vouches for"},
        {"arc", "Seals of servers that pass mail on"},
        {"mtasts", "Whether a domain demands TLS, by MTA-STS"},
        {"dane", "Whether the DNS names the certificate of a server"},
        {"bounce", "Why mail comes back"},
        {"address", "Whether addresses will take mail"},
        {"config", "The configuration file"},
        {"backup", "Copies of the store"},
        {"store", "The files of the store"},
        {"erase", "What is kept of people"},
        {"tenant", "Who sends: customers, departments"},
        {"domain", "What they may send from"},
        {"dkim", "Signatures of mail, and the keys that make them"},
        {"credential", "Their logins"},
        {"network", "Networks that send without a password"},
        {"user", "People who use the console"},
        {"key", "API keys of programs"},
        {"session", "Who is logged in to the console"},
        {"audit", "Who changed what"},
        {"plan", "What tenants may have, for many at once"},
        {"quota", "How many recipients, per minute, hour, day and month"},
        {"webhook", "Programs that are told what happens to mail"},
        {"certificate", "Certificates from an authority, without buying any"},
        {"queue", "Mail that waits"},
        {"message", "What happened to messages"},
        {"stats", "What became of mail, in numbers"},
        {"source", "Where mail leaves from"},
        {"site", "The mail servers that destinations share"},
        {"reports", "Reports about mail authentication"},
        {"suppression", "Addresses that mail does not go to"},
        {"lan", "An office's own smarthost, and its devices"},
        {"lan token", "What offices enrol with"},
        {"lan device", "What sends in the office"},
    };
    return groups;
}

const CommandSpec* find_command(std::string_view name) {
    const auto found = std::ranges::find(command_table(), name, &CommandSpec::name);
    return found == command_table().end() ? nullptr : &*found;
}

}  // namespace relevo::cli

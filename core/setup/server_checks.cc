#include "core/setup/server_checks.h"

#include "core/setup/address_names.h"
#include "core/setup/dns_view.h"
#include "core/setup/parallel.h"
#include "core/setup/smtp_probe.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr std::size_t hosts_tried = 2;  // of one domain, for port 25
constexpr std::chrono::seconds connect_time{8};
constexpr std::string_view always_signed_zone = "org";  // answers for it are signed from the root on

Words why_names() {
    return {
        "Many receivers refuse mail from an address without a name, or whose name does not lead back to it.",
        "Muchos receptores rechazan el correo de una dirección sin nombre, o cuyo nombre no lleva de vuelta a ella."};
}

std::string text_of(const std::vector<dns::IpAddress>& addresses) {
    std::string text;
    for (const dns::IpAddress& address : addresses) text += (text.empty() ? "" : ", ") + address.text();
    return text;
}

Words no_dns(const Error& error) {
    return {"the DNS did not answer: " + error.detail, "el DNS no ha respondido: " + error.detail};
}

void judge_ptr(CheckItem& ptr, const Result<AddressNames>& found, const std::string& ehlo_name) {
    ptr.expected = ehlo_name;
    if (!found.has_value()) {
        ptr.status = CheckStatus::skipped;
        ptr.found = no_dns(found.error());
    } else if (found->names.empty()) {
        ptr.status = CheckStatus::fail;
        ptr.found = {"no PTR record", "no tiene registro PTR"};
        ptr.action = {fmt::format("Ask whoever gave you the address to set its PTR record to {}.", ehlo_name),
                      fmt::format("Pida a quien le dio la dirección que ponga su registro PTR a {}.", ehlo_name)};
    } else if (found->confirmed.empty()) {
        const std::string& name = found->names.front();
        ptr.status = CheckStatus::fail;
        ptr.found = {fmt::format("its name {} does not lead back to it", name),
                     fmt::format("su nombre {} no lleva de vuelta a ella", name)};
        ptr.action = {
            fmt::format("Give {} an A or AAAA record with this address, or change the PTR record.", name),
            fmt::format("Ponga a {} un registro A o AAAA con esta dirección, o cambie el registro PTR.", name)};
    } else {
        ptr.found = {fmt::format("{}, and back", found->confirmed.front()),
                     fmt::format("{}, y de vuelta", found->confirmed.front())};
        ptr.expected.clear();
    }
}

// The setting that holds a source's EHLO name.
std::string_view ehlo_setting(const SourceFacts& source) {
    return source.name == "default" ? "delivery.ehlo_name" : "source.ehlo_name";
}

// PTR, and whether one of its names that lead back is the one in EHLO.
Task<std::vector<CheckItem>> check_address_names(Resolver& resolver, dns::IpAddress address, SourceFacts source,
                                                 std::string subject, Deadline deadline) {
    std::vector<CheckItem> items;
    const auto found = co_await names_of_address(resolver, address, deadline);
    CheckItem ptr = make_item("names.ptr", CheckGroup::names, subject, why_names());
    judge_ptr(ptr, found, source.ehlo_name);
    const bool has_name = ptr.status == CheckStatus::ok;
    items.push_back(std::move(ptr));
    if (!has_name) co_return items;

    CheckItem helo = make_item("names.helo", CheckGroup::names, std::move(subject),
                               {"Filters compare the name in EHLO with the one that the address has.",
                                "Los filtros comparan el nombre de EHLO con el que tiene la dirección."});
    helo.found = same("EHLO " + source.ehlo_name);
    if (std::ranges::find(found->confirmed, source.ehlo_name) == found->confirmed.end()) {
        const std::string& name = found->confirmed.front();
        helo.status = CheckStatus::warn;
        helo.expected = "EHLO " + name;
        helo.action = {fmt::format("Set {} or server.host_name to {}, or the PTR record to {}.", ehlo_setting(source),
                                   name, source.ehlo_name),
                       fmt::format("Ponga {} o server.host_name a {}, o el registro PTR a {}.", ehlo_setting(source),
                                   name, source.ehlo_name)};
    }
    items.push_back(std::move(helo));
    co_return items;
}

// The name that a source gives is one that receivers can look up.
Task<CheckItem> check_ehlo_name(Resolver& resolver, SourceFacts source, Deadline deadline) {
    CheckItem item = make_item("names.ehlo", CheckGroup::names, source.ehlo_name,
                               {"Many receivers refuse a name in EHLO that has no address (RFC 5321 §2.3.5).",
                                "Muchos receptores rechazan en EHLO un nombre sin dirección (RFC 5321 §2.3.5)."});
    const auto addresses = co_await addresses_of_host(resolver, source.ehlo_name, deadline);
    if (!addresses.has_value()) {
        item.status = CheckStatus::skipped;
        item.found = no_dns(addresses.error());
    } else if (addresses->empty()) {
        item.status = CheckStatus::fail;
        item.found = {"this name has no address in the DNS", "este nombre no tiene dirección en el DNS"};
        item.action = {
            fmt::format("Publish an A or AAAA record of {}, or change {}.", source.ehlo_name, ehlo_setting(source)),
            fmt::format("Publique un registro A o AAAA de {}, o cambie {}.", source.ehlo_name, ehlo_setting(source))};
    } else {
        item.found = same(text_of(*addresses));
    }
    co_return item;
}

Words unknown_addresses(const SourceFacts& source) {
    const std::string_view setting = source.name == "default" ? "checks.egress_addresses" : "source.public_addresses";
    return {fmt::format("the addresses that mail leaves from are not known: set {}", setting),
            fmt::format("no se sabe desde qué direcciones sale el correo: indique {}", setting)};
}

Task<Result<std::vector<std::string>>> mail_hosts(Resolver& resolver, std::string domain, Deadline deadline) {
    RELEVO_CO_TRY(const dns::Answer answer,
                  co_await resolver.query(domain, dns::RecordType::mx, question_deadline(deadline)));
    std::vector<dns::MailExchange> exchanges = answer.exchanges;
    std::ranges::sort(exchanges, {}, &dns::MailExchange::preference);
    std::vector<std::string> hosts;
    for (const dns::MailExchange& exchange : exchanges)
        if (!exchange.exchange.empty()) hosts.push_back(exchange.exchange);
    if (hosts.empty()) co_return failure(ErrorKind::not_found, "no MX record");
    if (hosts.size() > hosts_tried) hosts.resize(hosts_tried);
    co_return hosts;
}

// "220 …" of the first server that greets, or why none did. Errors: not_found – no address was found to try.
Task<Result<std::string>> first_greeting(Resolver& resolver, Dialer& dialer, const ServerFacts& facts,
                                         std::string domain) {
    const auto hosts = co_await mail_hosts(resolver, std::move(domain), facts.deadline);
    if (!hosts.has_value()) co_return failure(ErrorKind::not_found, hosts.error().detail);
    Error problem{ErrorKind::not_found, "its servers have no address"};
    for (const std::string& host : *hosts) {
        const auto addresses = co_await addresses_of_host(resolver, host, facts.deadline);
        if (!addresses.has_value()) {
            problem = {ErrorKind::not_found, addresses.error().detail};
            continue;
        }
        for (const dns::IpAddress& address : *addresses) {
            if (address.is_special() && !facts.allow_private_addresses) continue;
            const Deadline deadline = std::min(facts.deadline, Clock::now() + connect_time);
            auto stream = co_await dialer.connect({.target = {address, facts.outbound_port}, .deadline = deadline});
            if (!stream.has_value()) {
                problem = stream.error();
                break;  // the other addresses of a host behave alike; the next host may not
            }
            SmtpProbe probe(std::move(*stream), deadline);
            const auto greeting = co_await probe.read_reply();
            if (greeting.has_value()) {
                static_cast<void>(co_await probe.say("QUIT"));
                co_return fmt::format("{}: {}", host, greeting->one_line());
            }
            problem = greeting.error();
            break;
        }
    }
    co_return std::unexpected(std::move(problem));
}

Task<> check_one_outbound(Resolver& resolver, Dialer& dialer, const ServerFacts& facts, std::string domain,
                          CheckItem& item) {
    const auto greeting = co_await first_greeting(resolver, dialer, facts, std::move(domain));
    if (greeting.has_value()) {
        item.found = same(printable(*greeting, 120));
        co_return;
    }
    item.found = same(greeting.error().detail);
    // Without an address nothing is known about the port; other checks tell of the DNS.
    if (greeting.error().kind == ErrorKind::not_found) {
        item.status = CheckStatus::skipped;
        item.found = {"not tried: " + item.found.english, "sin probar: " + item.found.spanish};
        co_return;
    }
    item.status = CheckStatus::fail;
    item.action = {
        fmt::format("Open outgoing port {} in your firewall; many hosting companies open it only when asked.",
                    facts.outbound_port),
        fmt::format("Abra el puerto {} de salida en su cortafuegos; muchos proveedores de alojamiento solo lo "
                    "abren a petición.",
                    facts.outbound_port)};
}

// What the DNS is slow to say about our addresses must not hold up the checks that do without.
Task<std::vector<CheckItem>> check_own_addresses(Shard& shard, Resolver& resolver, ServerFacts facts) {
    std::vector<dns::IpAddress> egress = co_await egress_addresses(resolver, facts);
    std::erase_if(egress, [](const dns::IpAddress& address) { return address.is_loopback(); });
    co_return co_await check_address_lists(shard, resolver, facts.blocklists, std::move(egress), facts.deadline);
}

}  // namespace

Task<std::vector<dns::IpAddress>> egress_addresses(Resolver& resolver, ServerFacts facts) {
    std::vector<dns::IpAddress> egress;
    const auto add = [&](const std::vector<dns::IpAddress>& addresses) {
        for (const dns::IpAddress& address : addresses)
            if (std::ranges::find(egress, address) == egress.end()) egress.push_back(address);
    };
    bool needs_host = facts.sources.empty();
    for (const SourceFacts& source : facts.sources) {
        add(source.addresses);
        if (source.addresses.empty() && !source.is_proxied) needs_host = true;
    }
    if (!needs_host) co_return egress;
    const auto found = co_await addresses_of_host(resolver, facts.host_name, facts.deadline);
    if (found.has_value()) add(*found);
    co_return egress;
}

Task<std::vector<CheckItem>> check_names(Resolver& resolver, ServerFacts facts) {
    std::vector<CheckItem> items;
    const auto addresses = co_await addresses_of_host(resolver, facts.host_name, facts.deadline);
    CheckItem host = make_item("names.host", CheckGroup::names, facts.host_name, why_names());
    if (!addresses.has_value()) {
        host.status = CheckStatus::skipped;
        host.found = no_dns(addresses.error());
    } else if (addresses->empty()) {
        host.status = CheckStatus::fail;
        host.found = {"this name has no address in the DNS", "este nombre no tiene dirección en el DNS"};
        host.action = {"Publish an A (and AAAA) record with the public address of this server.",
                       "Publique un registro A (y AAAA) con la dirección pública de este servidor."};
    } else {
        host.found = same(text_of(*addresses));
    }
    items.push_back(std::move(host));
    for (SourceFacts& source : facts.sources) {
        if (source.addresses.empty() && addresses.has_value() && !source.is_proxied) source.addresses = *addresses;
        if (source.ehlo_name != facts.host_name)
            items.push_back(co_await check_ehlo_name(resolver, source, facts.deadline));
        const std::string prefix = facts.sources.size() > 1 ? source.name + " " : "";
        if (source.addresses.empty()) {
            items.push_back(
                make_item("names.ptr", CheckGroup::names, facts.sources.size() > 1 ? source.name : "", why_names()));
            items.back().status = CheckStatus::skipped;
            items.back().found = unknown_addresses(source);
        }
        for (const dns::IpAddress& address : source.addresses) {
            std::vector<CheckItem> found =
                co_await check_address_names(resolver, address, source, prefix + address.text(), facts.deadline);
            std::ranges::move(found, std::back_inserter(items));
        }
    }
    co_return items;
}

Task<std::vector<CheckItem>> check_resolver(Resolver& resolver, ServerFacts facts) {
    std::vector<CheckItem> items;
    CheckItem answers =
        make_item("dns.resolver", CheckGroup::dns, "",
                  {"Without DNS no mail server is found.", "Sin DNS no se encuentra ningún servidor de correo."});
    const auto answer = co_await resolver.query(std::string(always_signed_zone), dns::RecordType::ns,
                                                question_deadline(facts.deadline));
    if (answer.has_value()) {
        answers.found = {"the DNS answers", "el DNS responde"};
    } else {
        answers.status = CheckStatus::fail;
        answers.found = no_dns(answer.error());
        answers.action = {"Check dns.servers or /etc/resolv.conf, and that UDP and TCP port 53 are open.",
                          "Revise dns.servers o /etc/resolv.conf, y que el puerto 53 UDP y TCP esté abierto."};
    }
    items.push_back(std::move(answers));

    CheckItem validation = make_item("dns.dnssec", CheckGroup::dns, "",
                                     {"Only validated answers may be trusted for DANE, and forged ones are refused.",
                                      "Solo las respuestas validadas sirven para DANE, y las falsas se rechazan."});
    if (!facts.validates) {
        validation.status = CheckStatus::warn;
        validation.found = {"answers are not validated: there is no trust anchor",
                            "las respuestas no se validan: falta el ancla de confianza"};
        validation.action = {"Install the package dns-root-data, or set dns.trust_anchor_file.",
                             "Instale el paquete dns-root-data, o indique dns.trust_anchor_file."};
    } else if (!answer.has_value()) {
        validation.status = CheckStatus::skipped;
        validation.found = {"not tried: the DNS does not answer", "sin probar: el DNS no responde"};
    } else if (answer->security != dns::Security::secure) {
        validation.status = CheckStatus::warn;
        validation.found = {"the server that is asked leaves out the signatures",
                            "el servidor al que se pregunta omite las firmas"};
        validation.action = {"Name servers in dns.servers that know DNSSEC.",
                             "Indique en dns.servers servidores que conozcan DNSSEC."};
    } else {
        validation.found = {"answers are validated", "las respuestas se validan"};
    }
    items.push_back(std::move(validation));
    co_return items;
}

Task<std::vector<CheckItem>> check_outbound(Resolver& resolver, Dialer& dialer, ServerFacts facts) {
    std::vector<CheckItem> items;
    for (const std::string& domain : facts.outbound_domains) {
        items.push_back(make_item("ports.outbound", CheckGroup::ports, domain,
                                  {"Mail to others leaves through this port, and through no other.",
                                   "El correo hacia otros sale por este puerto, y por ningún otro."}));
        co_await check_one_outbound(resolver, dialer, facts, domain, items.back());
    }
    co_return items;
}

Task<std::vector<CheckItem>> check_server(Shard& shard, Resolver& resolver, Dialer& dialer, ServerFacts facts) {
    std::vector<std::vector<CheckItem>> parts(5);
    std::vector<Task<>> tasks;
    tasks.push_back(into(parts[0], check_names(resolver, facts)));
    tasks.push_back(into(parts[1], check_outbound(resolver, dialer, facts)));
    tasks.push_back(into(parts[2], check_resolver(resolver, facts)));
    tasks.push_back(into(parts[3], check_relaying(dialer, facts)));
    tasks.push_back(into(parts[4], check_own_addresses(shard, resolver, facts)));
    co_await run_together(shard, std::move(tasks));
    std::vector<CheckItem> items;
    for (std::vector<CheckItem>& part : parts) std::ranges::move(part, std::back_inserter(items));
    co_return items;
}

}  // namespace relevo::setup

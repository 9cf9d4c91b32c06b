// The lists themselves. Facts are from their operators' own pages (see `delisting`); a code that is not in the table is
// shown as it came. Lists that have ended (SORBS, AHBL, NJABL) must never be put back: some list everything when they
// end.
#include "core/setup/blocklist.h"

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr CodeMeaning spamhaus_refusals[] = {
    {"127.255.255.252", "the name of the list is misspelt", "el nombre de la lista está mal escrito"},
    {"127.255.255.254", "it does not answer public resolvers: use a resolver of your own, or a key",
     "no responde a servidores DNS públicos: use uno propio, o una clave"},
    {"127.255.255.255", "too many questions from our resolver: a key is needed",
     "demasiadas consultas desde nuestro servidor DNS: hace falta una clave"},
};
constexpr CodeMeaning zen_meanings[] = {
    {"127.0.0.2", "SBL: seen as a source of spam", "SBL: considerada origen de correo basura"},
    {"127.0.0.3", "SBL CSS: sends like a spammer", "SBL CSS: envía como lo hace un spammer"},
    {"127.0.0.4", "XBL: an infected or open machine", "XBL: una máquina infectada o abierta"},
    {"127.0.0.9", "DROP: a hijacked or criminal network", "DROP: una red secuestrada o criminal"},
    {"127.0.0.10", "PBL: its provider says that it should send no mail directly",
     "PBL: su proveedor indica que no debe enviar correo directamente"},
    {"127.0.0.11", "PBL: an address for customers, not for servers", "PBL: una dirección para clientes, no servidores"},
    {"127.0.0.30", "BCL: controls a botnet", "BCL: controla una botnet"},
};
constexpr CodeMeaning dbl_meanings[] = {
    {"127.0.1.2", "a domain of spammers", "un dominio de spammers"},
    {"127.0.1.4", "phishing", "suplantación (phishing)"},
    {"127.0.1.5", "malware", "programas maliciosos"},
    {"127.0.1.6", "control of a botnet", "control de una botnet"},
    {"127.0.1.102", "a good domain that is being abused for spam", "un dominio legítimo del que se abusa para spam"},
    {"127.0.1.103", "a redirector that is being abused", "un redirector del que se abusa"},
    {"127.0.1.104", "a good domain that is being abused for phishing",
     "un dominio legítimo del que se abusa para suplantación"},
    {"127.0.1.105", "a good domain that is being abused for malware",
     "un dominio legítimo del que se abusa para programas maliciosos"},
    {"127.0.1.106", "a good domain that is being abused for a botnet",
     "un dominio legítimo del que se abusa para una botnet"},
};
constexpr CodeMeaning dronebl_meanings[] = {
    {"127.0.0.3", "an abusive machine (IRC drone)", "una máquina abusiva (IRC)"},
    {"127.0.0.6", "an unknown spam robot", "un robot de spam desconocido"},
    {"127.0.0.8", "an open SOCKS proxy", "un proxy SOCKS abierto"},
    {"127.0.0.9", "an open HTTP proxy", "un proxy HTTP abierto"},
    {"127.0.0.13", "guesses passwords", "prueba contraseñas"},
};
constexpr CodeMeaning surbl_meanings[] = {
    {"127.0.0.4", "addresses that are thrown away", "direcciones de usar y tirar"},
    {"127.0.0.8", "phishing", "suplantación (phishing)"},
    {"127.0.0.16", "malware", "programas maliciosos"},
    {"127.0.0.32", "counts clicks in spam", "cuenta clics en correo basura"},
    {"127.0.0.64", "abuse: named in spam", "abuso: aparece en correo basura"},
    {"127.0.0.128", "a cracked site", "un sitio pirateado"},
};
constexpr CodeMeaning uribl_meanings[] = {
    {"127.0.0.2", "black: named in spam", "negra: aparece en correo basura"},
    {"127.0.0.4", "grey: unwanted bulk mail", "gris: envíos masivos no deseados"},
    {"127.0.0.8", "red: very young, or its owner is hidden", "roja: muy reciente, o con el dueño oculto"},
};
constexpr CodeMeaning first_bit_refusals[] = {
    {"127.0.0.1", "it does not answer our resolver: use one of your own",
     "no responde a nuestro servidor DNS: use uno propio"},
};

constexpr Blocklist lists[] = {
    {.name = "Spamhaus ZEN",
     .zone = "zen.spamhaus.org",
     .keyed_zone = "{}.zen.dq.spamhaus.net",
     .lists_ipv4 = true,
     .lists_ipv6 = true,
     .meanings = zen_meanings,
     .refusals = spamhaus_refusals,
     .delisting = "https://check.spamhaus.org/"},
    {.name = "Barracuda",
     .zone = "b.barracudacentral.org",
     .lists_ipv4 = true,
     .weight = CheckStatus::fail,
     .delisting = "https://www.barracudacentral.org/lookups"},
    {.name = "SpamCop",
     .zone = "bl.spamcop.net",
     .lists_ipv4 = true,
     .weight = CheckStatus::fail,
     .delisting = "https://www.spamcop.net/bl.shtml"},
    {.name = "UCEPROTECT 1",
     .zone = "dnsbl-1.uceprotect.net",
     .lists_ipv4 = true,
     .weight = CheckStatus::warn,
     .delisting = "https://www.uceprotect.net/en/rblcheck.php"},
    {.name = "PSBL",
     .zone = "psbl.surriel.com",
     .lists_ipv4 = true,
     .weight = CheckStatus::warn,
     .delisting = "https://psbl.org/"},
    {.name = "DroneBL",
     .zone = "dnsbl.dronebl.org",
     .lists_ipv4 = true,
     .lists_ipv6 = true,
     .meanings = dronebl_meanings,
     .weight = CheckStatus::warn,
     .delisting = "https://dronebl.org/lookup"},
    {.name = "Spamhaus DBL",
     .zone = "dbl.spamhaus.org",
     .keyed_zone = "{}.dbl.dq.spamhaus.net",
     .lists_domains = true,
     .test_entry = "dbltest.com",
     .meanings = dbl_meanings,
     .refusals = spamhaus_refusals,
     .delisting = "https://check.spamhaus.org/"},
    {.name = "SURBL",
     .zone = "multi.surbl.org",
     .lists_domains = true,
     .form = CodeForm::bits,
     .meanings = surbl_meanings,
     .refusals = first_bit_refusals,
     .delisting = "https://surbl.org/surbl-analysis"},
    {.name = "URIBL",
     .zone = "multi.uribl.com",
     .lists_domains = true,
     .form = CodeForm::bits,
     .meanings = uribl_meanings,
     .refusals = first_bit_refusals,
     .weight = CheckStatus::warn,
     .delisting = "https://lookup.uribl.com/"},
};

}  // namespace

std::span<const Blocklist> blocklist_table() { return lists; }

const Blocklist* find_blocklist(std::string_view zone) {
    const auto found = std::ranges::find(lists, zone, &Blocklist::zone);
    return found != std::end(lists) ? &*found : nullptr;
}

}  // namespace relevo::setup

#include "lib/mailauth/explain_texts.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo::mailauth {
namespace {

using enum ExplanationStatus;

constexpr std::size_t value_limit_octets = 200;

struct MethodText {
    std::string_view method;
    Bilingual text;
};

constexpr auto methods = std::to_array<MethodText>({
    {"iprev",
     {"Does the name of the sending server {address} lead back to that address?",
      "¿El nombre del servidor que envía, {address}, lleva de vuelta a esa misma dirección?"}},
    {"spf",
     {"Does {domain}, the domain of the envelope sender {sender}, let {address} send for it?",
      "¿Permite {domain}, el dominio del remitente del sobre {sender}, que {address} envíe en su nombre?"}},
    {"helo",
     {"Does {domain}, the name that the server gave in HELO, let {address} use it?",
      "¿Permite {domain}, el nombre que dio el servidor en HELO, que {address} lo use?"}},
    {"dkim",
     {"Did {domain} sign this message (selector {selector}), and is it unchanged since?",
      "¿Firmó {domain} este mensaje (selector {selector}) y sigue igual desde entonces?"}},
    {"arc",
     {"Did the servers that passed the message on seal what they found, and do all {instances} seals hold?",
      "¿Sellaron los servidores que reenviaron el mensaje lo que comprobaron, y siguen siendo válidos los {instances} "
      "sellos?"}},
    {"dmarc",
     {"Is the author's domain, {domain}, proven by SPF or DKIM, and what does its owner want if it is not?",
      "¿Confirma SPF o DKIM el dominio del autor, {domain}, y qué pide su dueño si no es así?"}},
});

constexpr Bilingual nothing = {"", ""};

constexpr auto results = std::to_array<ResultText>({
    {"iprev", "pass", good, {"Yes: {name} leads to {address}.", "Sí: {name} lleva a {address}."}, nothing},
    {"iprev",
     "fail",
     notice,
     {"No. Many receivers refuse servers without a name of their own.",
      "No. Muchos receptores rechazan servidores sin nombre propio."},
     {"Ask the provider of the address for a PTR record with the name of the server, and give that name an A or AAAA "
      "record with the address.",
      "Pida al proveedor de la dirección un registro PTR con el nombre del servidor, y dé a ese nombre un registro A o "
      "AAAA con la dirección."}},
    {"iprev",
     "temperror",
     unknown,
     {"The DNS did not answer, so it is not known.", "El DNS no respondió, así que no se sabe."},
     {"Try again later; if it stays so, the name servers of the address do not work.",
      "Inténtelo más tarde; si sigue igual, no funcionan los servidores de nombres de la dirección."}},
    {"iprev",
     "permerror",
     notice,
     {"The address has no name, or none that can be read.", "La dirección no tiene nombre, o no se puede leer."},
     {"Ask the provider of the address for a PTR record with the name of the server.",
      "Pida al proveedor de la dirección un registro PTR con el nombre del servidor."}},

    {"spf",
     "pass",
     good,
     {"Yes: the SPF record says so with {mechanism}.", "Sí: lo dice el registro SPF con {mechanism}."},
     nothing},
    {"spf",
     "none",
     notice,
     {"{domain} publishes no SPF record, so nothing is known.",
      "{domain} no publica ningún registro SPF, así que no se sabe nada."},
     {"Publish a TXT record at {domain}, such as \"v=spf1 mx -all\", that names all servers that send for it.",
      "Publique en {domain} un registro TXT, por ejemplo «v=spf1 mx -all», con todos los servidores que envían en su "
      "nombre."}},
    {"spf",
     "neutral",
     notice,
     {"The record says nothing about {address} ({mechanism}); receivers treat that as if there were no record.",
      "El registro no dice nada de {address} ({mechanism}); los receptores lo tratan como si no hubiera registro."},
     {"If {address} may send for {domain}, add it to the record; end the record with -all or ~all.",
      "Si {address} puede enviar por {domain}, añádala al registro; termine el registro con -all o ~all."}},
    {"spf",
     "fail",
     problem,
     {"No: the record forbids it with {mechanism}. Receivers may refuse the message for this alone.",
      "No: el registro lo prohíbe con {mechanism}. Los receptores pueden rechazar el mensaje solo por esto."},
     {"If {address} is one of your servers, add it to the SPF record of {domain}. If the message was forwarded, this "
      "is "
      "usual: DKIM must carry it.",
      "Si {address} es uno de sus servidores, añádala al registro SPF de {domain}. Si el mensaje fue reenviado, es lo "
      "normal: lo debe respaldar DKIM."}},
    {"spf",
     "softfail",
     notice,
     {"Probably not: the record ends in {mechanism} for this address. Receivers count that against the message.",
      "Probablemente no: el registro acaba en {mechanism} para esta dirección. Los receptores lo tienen en cuenta en "
      "contra del mensaje."},
     {"If {address} is one of your servers, add it to the SPF record of {domain}.",
      "Si {address} es uno de sus servidores, añádala al registro SPF de {domain}."}},
    {"spf",
     "temperror",
     unknown,
     {"The DNS of {domain} did not answer, so it is not known. Receivers may put the message off.",
      "El DNS de {domain} no respondió, así que no se sabe. Los receptores pueden aplazar el mensaje."},
     {"Try again later; if it stays so, look at the name servers of {domain} and of the domains that its record "
      "includes.",
      "Inténtelo más tarde; si sigue igual, revise los servidores de nombres de {domain} y de los dominios que incluye "
      "su registro."}},
    {"spf",
     "permerror",
     problem,
     {"The SPF record of {domain} is broken, so it protects nobody and lets nobody send.",
      "El registro SPF de {domain} está mal, así que no protege ni autoriza a nadie."},
     {"Correct the record: there must be exactly one that begins with v=spf1, its terms must be spelled right, and it "
      "may "
      "cost at most 10 look-ups (it took {lookups}).",
      "Corrija el registro: debe haber exactamente uno que empiece por v=spf1, con los términos bien escritos y un "
      "máximo de 10 consultas (se hicieron {lookups})."}},

    {"dkim",
     "pass",
     good,
     {"Yes: the key at {selector}._domainkey.{domain} confirms it.",
      "Sí: lo confirma la clave de {selector}._domainkey.{domain}."},
     nothing},
    {"dkim",
     "none",
     problem,
     {"The message has no DKIM signature. Large receivers refuse unsigned mail of senders with many messages.",
      "El mensaje no tiene firma DKIM. Los grandes receptores rechazan el correo sin firmar de quien envía mucho."},
     {"Turn on signing for the author's domain and publish its key.",
      "Active la firma para el dominio del autor y publique su clave."}},
    {"dkim",
     "fail",
     problem,
     {"No: something was changed after {domain} signed, or another key signed.",
      "No: algo cambió después de que {domain} firmara, o se firmó con otra clave."},
     {"Sign last, after footers and virus scanners. If every message fails, the published key is not that of the "
      "signer: publish the right one.",
      "Firme en último lugar, después de pies de página y antivirus. Si fallan todos los mensajes, la clave publicada "
      "no es la de quien firma: publique la correcta."}},
    {"dkim",
     "policy",
     problem,
     {"The signature does not count: it is too weak, has expired, or leaves a part unsigned.",
      "La firma no cuenta: es demasiado débil, ha caducado o deja una parte sin firmar."},
     {"Sign with rsa-sha256 and a key of 2048 bits (or ed25519-sha256), without l=, and with a validity of days.",
      "Firme con rsa-sha256 y una clave de 2048 bits (o ed25519-sha256), sin l= y con una validez de días."}},
    {"dkim",
     "neutral",
     problem,
     {"The signature cannot be read.", "La firma no se puede leer."},
     {"Correct the program that signs; until then the message counts as unsigned.",
      "Corrija el programa que firma; hasta entonces el mensaje cuenta como no firmado."}},
    {"dkim",
     "temperror",
     unknown,
     {"The DNS did not give the key of {domain}, so it is not known.",
      "El DNS no dio la clave de {domain}, así que no se sabe."},
     {"Try again later; if it stays so, look at the name servers and DNSSEC of {domain}.",
      "Inténtelo más tarde; si sigue igual, revise los servidores de nombres y DNSSEC de {domain}."}},
    {"dkim",
     "permerror",
     problem,
     {"There is no usable key at {selector}._domainkey.{domain}, or the signature contradicts it.",
      "No hay una clave utilizable en {selector}._domainkey.{domain}, o la firma la contradice."},
     {"Publish the key of the signer there as a TXT record: v=DKIM1; k=rsa; p=…",
      "Publique ahí la clave de quien firma como registro TXT: v=DKIM1; k=rsa; p=…"}},

    {"arc",
     "pass",
     good,
     {"Yes. Receivers that trust {sealers} may accept the message although DMARC fails.",
      "Sí. Los receptores que confíen en {sealers} pueden aceptar el mensaje aunque falle DMARC."},
     nothing},
    {"arc",
     "fail",
     notice,
     {"No: the chain is broken, and receivers ignore it.", "No: la cadena está rota y los receptores la ignoran."},
     {"A server on the way changed the message after sealing it, or sealed it wrongly: it must seal last.",
      "Un servidor del camino cambió el mensaje después de sellarlo, o lo selló mal: debe sellar en último lugar."}},
    {"arc",
     "temperror",
     unknown,
     {"The DNS did not give a key, so it is not known.", "El DNS no dio una clave, así que no se sabe."},
     {"Try again later.", "Inténtelo más tarde."}},

    {"dmarc",
     "pass",
     good,
     {"Yes: the author's domain is proven.", "Sí: el dominio del autor está confirmado."},
     nothing},
    {"dmarc",
     "none",
     notice,
     {"{domain} publishes no DMARC record, so anyone may write in its name.",
      "{domain} no publica ningún registro DMARC, así que cualquiera puede escribir en su nombre."},
     {"Publish a TXT record at _dmarc.{domain}; begin with \"v=DMARC1; p=none; rua=mailto:…\" and read the reports "
      "before you ask for more.",
      "Publique un registro TXT en _dmarc.{domain}; empiece con «v=DMARC1; p=none; rua=mailto:…» y lea los informes "
      "antes de exigir más."}},
    {"dmarc",
     "fail-none",
     problem,
     {"No. {policy_domain} publishes p={published}; for this message nothing is asked of receivers, but many count "
      "it against it.",
      "No. {policy_domain} publica p={published}; para este mensaje no se pide nada a los receptores, pero muchos lo "
      "tienen en cuenta en contra."},
     {"Sign with a key of {domain}, or send with an envelope address of {domain} from a server that its SPF record "
      "names.",
      "Firme con una clave de {domain}, o envíe con una dirección de sobre de {domain} desde un servidor de su "
      "registro "
      "SPF."}},
    {"dmarc",
     "fail-quarantine",
     problem,
     {"No. {policy_domain} publishes p={published}: the message will be in the spam folder.",
      "No. {policy_domain} publica p={published}: el mensaje acabará en la carpeta de spam."},
     {"Sign with a key of {domain}, or send with an envelope address of {domain} from a server that its SPF record "
      "names.",
      "Firme con una clave de {domain}, o envíe con una dirección de sobre de {domain} desde un servidor de su "
      "registro "
      "SPF."}},
    {"dmarc",
     "fail-reject",
     problem,
     {"No. {policy_domain} publishes p={published}: receivers will refuse the message.",
      "No. {policy_domain} publica p={published}: los receptores rechazarán el mensaje."},
     {"Sign with a key of {domain}, or send with an envelope address of {domain} from a server that its SPF record "
      "names.",
      "Firme con una clave de {domain}, o envíe con una dirección de sobre de {domain} desde un servidor de su "
      "registro "
      "SPF."}},
    {"dmarc",
     "temperror",
     unknown,
     {"The DNS did not answer, so it is not known.", "El DNS no respondió, así que no se sabe."},
     {"Try again later; if it stays so, look at the name servers of {domain}.",
      "Inténtelo más tarde; si sigue igual, revise los servidores de nombres de {domain}."}},
    {"dmarc",
     "permerror",
     problem,
     {"The author cannot be determined, or the DMARC record is broken.",
      "No se puede determinar el autor, o el registro DMARC está mal."},
     {"Write exactly one From field with one address, and correct the TXT record at _dmarc.{domain}.",
      "Escriba exactamente un campo From con una dirección y corrija el registro TXT de _dmarc.{domain}."}},
});

}  // namespace

Bilingual method_text(std::string_view method) {
    const auto* found = std::ranges::find(methods, method, &MethodText::method);
    return found == methods.end() ? nothing : found->text;
}

const ResultText* result_text(std::string_view method, std::string_view result) {
    const auto* found = std::ranges::find_if(
        results, [&](const ResultText& text) { return text.method == method && text.result == result; });
    return found == results.end() ? nullptr : found;
}

std::span<const ResultText> all_result_texts() { return results; }

std::string filled_in(std::string_view text, std::initializer_list<TextValue> values) {
    std::string filled;
    for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{')) {
        const auto close = text.find('}', open);
        filled += text.substr(0, open);
        const auto* value = std::ranges::find(values, text.substr(open + 1, close - open - 1), &TextValue::first);
        if (value != values.end()) filled += value->second.empty() ? "?" : printable(value->second, value_limit_octets);
        text.remove_prefix(close + 1);
    }
    return filled.append(text);
}

}  // namespace relevo::mailauth

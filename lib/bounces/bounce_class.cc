#include "lib/bounces/bounce_class.h"

#include <algorithm>
#include <array>

namespace relevo::bounces {
namespace {

struct Entry {
    BounceClass kind;
    std::string_view name;
    BounceNature nature;
    mail::Advice english;
    mail::Advice spanish;
};

using enum BounceNature;

constexpr auto entries = std::to_array<Entry>({
    {BounceClass::unknown_user,
     "unknown_user",
     hard,
     {"The address does not exist at its destination.",
      "Remove the address from your lists, or correct its spelling before you write to it again."},
     {"La dirección no existe en el servidor de destino.",
      "Retire la dirección de sus listas o corrija cómo está escrita antes de volver a usarla."}},
    {BounceClass::address_moved,
     "address_moved",
     hard,
     {"The person has another address now, and the old one forwards nothing.",
      "Ask for the new address and replace the old one in your lists."},
     {"La persona tiene ahora otra dirección y la antigua no reenvía nada.",
      "Pídale la dirección nueva y sustituya la antigua en sus listas."}},
    {BounceClass::mailbox_disabled,
     "mailbox_disabled",
     soft,  // RFC 3463 §3.3: "may be a permanent error … or a transient error"; accounts are unlocked and paid again
     {"The mailbox exists but is disabled, locked or abandoned.",
      "Try again in some days; if it says so again, stop writing to it and reach the person another way."},
     {"El buzón existe, pero está desactivado, bloqueado o abandonado.",
      "Vuelva a intentarlo en unos días; si lo repite, deje de escribirle y póngase en contacto con la persona por "
      "otro "
      "medio."}},
    {BounceClass::mailbox_full,
     "mailbox_full",
     soft,
     {"The mailbox is full.",
      "Try again in some days. A mailbox that stays full for weeks is usually an abandoned one."},
     {"El buzón está lleno.",
      "Vuelva a intentarlo en unos días. Un buzón lleno durante semanas suele estar abandonado."}},
    {BounceClass::no_such_domain,
     "no_such_domain",
     hard,
     {"The domain of the address does not exist, or says that it takes no mail.",
      "Check what comes after the @ and correct it, or remove the address."},
     {"El dominio de la dirección no existe o declara que no recibe correo.",
      "Revise lo que va detrás de la @ y corríjalo, o retire la dirección."}},
    {BounceClass::recipient_restricted,
     "recipient_restricted",
     block,
     {"The address exists, but takes mail only from senders that it has allowed.",
      "Ask the person, or the owner of the group, to allow your address."},
     {"La dirección existe, pero solo admite correo de remitentes autorizados.",
      "Pida a la persona, o a quien administra el grupo, que autorice la dirección de usted."}},
    {BounceClass::message_too_large,
     "message_too_large",
     soft,
     {"The message is larger than the destination takes.",
      "Send it with smaller attachments, or share a link to the files."},
     {"El mensaje es más grande de lo que admite el destino.",
      "Envíelo con adjuntos más pequeños o comparta un enlace a los archivos."}},
    {BounceClass::content_rejected,
     "content_rejected",
     block,
     {"The destination does not accept the form of the message or what is attached to it.",
      "Look at the reply for what it dislikes: a kind of attachment, a malformed field, a link. Change it and send "
      "again."},
     {"El destino no acepta el formato del mensaje o lo que lleva adjunto.",
      "Busque en la respuesta qué rechaza (un tipo de adjunto, un campo mal formado, un enlace), cámbielo y reenvíe."}},
    {BounceClass::spam_content,
     "spam_content",
     block,
     {"The destination took the message for unwanted mail because of what it says.",
      "Review its text, links and recipients: did they ask for it? Do not send the same text again."},
     {"El destino tomó el mensaje por correo no deseado debido a su contenido.",
      "Revise el texto, los enlaces y si los destinatarios lo pidieron. No reenvíe el mismo texto."}},
    {BounceClass::virus,
     "virus",
     block,
     {"The destination found malicious software or a dangerous file in the message.",
      "Scan the computer that sent it, and take the attachment out."},
     {"El destino encontró en el mensaje un programa malicioso o un archivo peligroso.",
      "Analice el equipo que lo envió y quite el adjunto."}},
    {BounceClass::authentication_required,
     "authentication_required",
     block,
     {"The destination could not verify who sent the message: SPF, DKIM, DMARC or a login is missing or wrong.",
      "Check the records of the sender's domain: `relevo dmarc check DOMAIN` and `relevo spf check DOMAIN` name the "
      "fault."},
     {"El destino no pudo comprobar quién envió el mensaje: falta SPF, DKIM, DMARC o una contraseña, o es incorrecto.",
      "Revise los registros del dominio remitente: `relevo dmarc check DOMINIO` y `relevo spf check DOMINIO` indican "
      "el fallo."}},
    {BounceClass::reverse_dns,
     "reverse_dns",
     block,
     {"The destination does not accept the name of the sending server: its reverse DNS or HELO name is missing or "
      "wrong.",
      "Give the server's address a PTR record whose name leads back to it, and use that name in HELO."},
     {"El destino no acepta el nombre del servidor que envía: falta el DNS inverso o el nombre de HELO, o es "
      "incorrecto.",
      "Publique para la dirección del servidor un registro PTR cuyo nombre lleve de vuelta a ella, y úselo en HELO."}},
    {BounceClass::address_blocked,
     "address_blocked",
     block,
     {"The IP address of the sending server is on a block list or has a bad reputation.",
      "Find out why it sent unwanted mail and stop that; then ask the list or provider that the reply names to remove "
      "it."},
     {"La dirección IP del servidor que envía está en una lista de bloqueo o tiene mala reputación.",
      "Averigüe qué correo no deseado salió de ella y deténgalo; después pida la retirada a la lista o proveedor que "
      "nombra la respuesta."}},
    {BounceClass::domain_blocked,
     "domain_blocked",
     block,
     {"A domain of the message, the sender's or one in a link, is on a block list or has a bad reputation.",
      "Look the domain up at the list that the reply names, end the cause, and ask for its removal."},
     {"Un dominio del mensaje, el del remitente o el de un enlace, está en una lista de bloqueo o tiene mala "
      "reputación.",
      "Consulte el dominio en la lista que nombra la respuesta, elimine la causa y pida su retirada."}},
    {BounceClass::sender_rejected,
     "sender_rejected",
     block,
     {"The destination does not accept the sender's address.",
      "Check that it exists, that its domain has MX records and that it receives mail; the recipient may have blocked "
      "it."},
     {"El destino no acepta la dirección del remitente.",
      "Compruebe que existe, que su dominio tiene registros MX y que recibe correo; puede que el destinatario la haya "
      "bloqueado."}},
    {BounceClass::relay_denied,
     "relay_denied",
     block,
     {"The server that was asked is not responsible for the recipient's domain.",
      "Check the MX records of the domain, or the route and the login if the server is your own next hop."},
     {"El servidor al que se preguntó no es responsable del dominio del destinatario.",
      "Revise los registros MX del dominio, o la ruta y la contraseña si ese servidor es su propio siguiente salto."}},
    {BounceClass::policy,
     "policy",
     block,
     {"The destination refused the message by its own rules, without saying which.",
      "Ask the administrators of the destination, with the text of the reply."},
     {"El destino rechazó el mensaje según sus propias normas, sin decir cuáles.",
      "Pregunte a los administradores del destino, con el texto de la respuesta."}},
    {BounceClass::rate_limited,
     "rate_limited",
     soft,
     {"The destination receives too much from this sender or for this recipient, and wants it slower.",
      "Send less at a time to this destination, and look at complaints: providers slow down those that get many."},
     {"El destino recibe demasiado de este remitente o para este destinatario y lo quiere más despacio.",
      "Envíe menos a la vez a este destino y revise las quejas: los proveedores frenan a quien recibe muchas."}},
    {BounceClass::too_many_connections,
     "too_many_connections",
     soft,
     {"The destination has too many connections from this server, or in all.",
      "Lower the number of connections for this destination; the message is tried again."},
     {"El destino tiene demasiadas conexiones de este servidor, o en total.",
      "Reduzca el número de conexiones a este destino; el mensaje se vuelve a intentar."}},
    {BounceClass::too_many_recipients,
     "too_many_recipients",
     soft,
     {"The message has more recipients than the destination takes at once.", "Send it to fewer people at a time."},
     {"El mensaje tiene más destinatarios de los que el destino admite a la vez.",
      "Envíelo a menos personas a la vez."}},
    {BounceClass::greylisted,
     "greylisted",
     soft,
     {"The destination puts off unknown senders once, to see whether they come again.",
      "Nothing: the message is tried again in some minutes."},
     {"El destino aplaza una vez a los remitentes desconocidos para ver si vuelven.",
      "Nada: el mensaje se vuelve a intentar en unos minutos."}},
    {BounceClass::dns_failure,
     "dns_failure",
     soft,
     {"The mail server of the destination could not be found out, because DNS gave no usable answer.",
      "If it lasts, tell the administrators of the destination; check your own resolver if it happens with many "
      "domains."},
     {"No se pudo averiguar el servidor de correo de destino, porque el DNS no dio una respuesta útil.",
      "Si persiste, avise a los administradores del destino; si ocurre con muchos dominios, revise su propio servidor "
      "DNS."}},
    {BounceClass::network_failure,
     "network_failure",
     soft,
     {"The mail server of the destination cannot be reached, or the connection broke.",
      "If it happens with one destination, wait; if with many, check the network and the firewall (outgoing port 25)."},
     {"No se puede llegar al servidor de correo de destino, o la conexión se cortó.",
      "Si ocurre con un solo destino, espere; si ocurre con muchos, revise la red y el cortafuegos (puerto 25 de "
      "salida)."}},
    {BounceClass::tls_required,
     "tls_required",
     block,
     {"The message had to travel encrypted, and the two servers did not agree on TLS.",
      "Check the TLS setting of the route and the certificate that the reply speaks of."},
     {"El mensaje tenía que viajar cifrado y los dos servidores no se pusieron de acuerdo en TLS.",
      "Revise el ajuste de TLS de la ruta y el certificado que menciona la respuesta."}},
    {BounceClass::protocol_error,
     "protocol_error",
     soft,
     {"The two mail servers did not understand each other.",
      "Look at the conversation: often an address of an unusual form, or a device between the servers that changes "
      "it."},
     {"Los dos servidores de correo no se entendieron.",
      "Revise la conversación: a menudo es una dirección de forma inusual o un aparato intermedio que la altera."}},
    {BounceClass::system_failure,
     "system_failure",
     soft,
     {"The mail system of the destination has a fault of its own: disk, configuration or a filter that fails.",
      "Try again later, and tell its administrators if it lasts."},
     {"El sistema de correo de destino tiene un fallo propio: disco, configuración o un filtro que no funciona.",
      "Vuelva a intentarlo más tarde y avise a sus administradores si persiste."}},
    {BounceClass::temporary_failure,
     "temporary_failure",
     soft,
     {"The destination does not take the message now and does not say why.", "Nothing: the message is tried again."},
     {"El destino no acepta el mensaje ahora y no dice por qué.", "Nada: el mensaje se vuelve a intentar."}},
    {BounceClass::loop,
     "loop",
     soft,
     {"The message goes round in circles between mail servers.",
      "Check forwardings and MX records of the recipient's domain: two of them point at each other."},
     {"El mensaje da vueltas entre servidores de correo.",
      "Revise los reenvíos y los registros MX del dominio del destinatario: dos de ellos se apuntan mutuamente."}},
    {BounceClass::expired,
     "expired",
     soft,
     {"The destination did not accept the message in the time that it was tried.",
      "Look at the last reply for the reason; send the message again if it still matters."},
     {"El destino no aceptó el mensaje durante el plazo en que se intentó.",
      "Busque el motivo en la última respuesta; reenvíe el mensaje si todavía importa."}},
    {BounceClass::delivered,
     "delivered",
     not_a_bounce,
     {"The message was delivered or passed on: this is a report of success.", ""},
     {"El mensaje se entregó o se pasó al siguiente servidor: este aviso confirma la entrega.", ""}},
    {BounceClass::challenge_response,
     "challenge_response",
     not_a_bounce,
     {"The recipient's filter asks the sender to prove to be a person.",
      "Answer the challenge if a person sent the message; do not answer for mailings."},
     {"El filtro del destinatario pide al remitente que demuestre que es una persona.",
      "Responda si el mensaje lo envió una persona; no responda en el caso de envíos masivos."}},
    {BounceClass::auto_reply,
     "auto_reply",
     not_a_bounce,
     {"A program answered in the recipient's name; the message arrived.", ""},
     {"Un programa respondió en nombre del destinatario; el mensaje llegó.", ""}},
    {BounceClass::vacation,
     "vacation",
     not_a_bounce,
     {"The recipient is away; the message arrived.", ""},
     {"El destinatario está ausente; el mensaje llegó.", ""}},
    {BounceClass::complaint,
     "complaint",
     not_a_bounce,
     {"The recipient's provider reports that the recipient takes the message for unwanted mail.",
      "Stop writing to the recipient, and find out why the mail was not wanted."},
     {"El proveedor del destinatario informa de que este considera el mensaje correo no deseado.",
      "Deje de escribir al destinatario y averigüe por qué no quería el correo."}},
    {BounceClass::unsubscribe,
     "unsubscribe",
     not_a_bounce,
     {"The recipient asks to be taken off the list.", "Take the address off the list that the message was sent to."},
     {"El destinatario pide que se le dé de baja de la lista.",
      "Retire la dirección de la lista a la que se envió el mensaje."}},
    {BounceClass::unknown,
     "unknown",
     soft,
     {"The reason cannot be told from the reply.", "Read the reply itself; ask the administrators of the destination."},
     {"La respuesta no permite saber el motivo.",
      "Lea la propia respuesta; pregunte a los administradores del destino."}},
});

constexpr auto classes = [] {
    std::array<BounceClass, entries.size()> kinds{};
    std::ranges::transform(entries, kinds.begin(), &Entry::kind);
    return kinds;
}();

// The table is in the order of the enumeration, so that finding an entry is an index.
static_assert([] {
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (static_cast<std::size_t>(entries[i].kind) != i) return false;
    return static_cast<std::size_t>(BounceClass::unknown) + 1 == entries.size();
}());

const Entry& entry_of(BounceClass kind) { return entries[static_cast<std::size_t>(kind)]; }

}  // namespace

std::string_view name_of(BounceClass kind) { return entry_of(kind).name; }

std::string_view name_of(BounceNature nature) {
    switch (nature) {
        case hard: return "hard";
        case soft: return "soft";
        case block: return "block";
        case not_a_bounce: return "not_a_bounce";
    }
    return "soft";
}

std::optional<BounceClass> bounce_class_named(std::string_view name) {
    const auto* const found = std::ranges::find(entries, name, &Entry::name);
    if (found == entries.end()) return std::nullopt;
    return found->kind;
}

std::span<const BounceClass> all_bounce_classes() { return classes; }

BounceNature nature_of(BounceClass kind) { return entry_of(kind).nature; }

mail::Advice explain(BounceClass kind, mail::Language language) {
    return language == mail::Language::spanish ? entry_of(kind).spanish : entry_of(kind).english;
}

}  // namespace relevo::bounces

#include "lib/mail/delivery_advice.h"

#include <algorithm>
#include <array>

namespace relevo::mail {
namespace {

struct Entry {
    std::string_view code;  // subject "." detail, or the subject alone
    Advice english;
    Advice spanish;
};

constexpr std::string_view check_spelling = "Check the spelling of the address, and write to it again if it was wrong.";
constexpr std::string_view revise_la_direccion =
    "Compruebe que la dirección está bien escrita y, si no lo estaba, vuelva a enviar el mensaje.";
constexpr std::string_view try_later = "Send the message again later, or reach the person another way.";
constexpr std::string_view intente_mas_tarde =
    "Vuelva a enviar el mensaje más tarde o póngase en contacto con la persona por otro medio.";
constexpr std::string_view tell_your_administrator =
    "Pass this report on to the person who looks after your mail: it is for them to solve.";
constexpr std::string_view avise_a_su_administrador =
    "Reenvíe este aviso a quien administra su correo: tiene que resolverlo esa persona.";

// Codes: RFC 3463 §3, RFC 5248 and the registry it founded (RFC 7372, RFC 7505, RFC 6710, RFC 8689).
constexpr std::array entries = {
    Entry{"1.1",
          {"The address does not exist at its destination.", check_spelling},
          {"La dirección no existe en el servidor de destino.", revise_la_direccion}},
    Entry{"1.2",
          {"The part of the address after the @ does not exist or takes no mail.", check_spelling},
          {"La parte de la dirección que va detrás de la @ no existe o no recibe correo.", revise_la_direccion}},
    Entry{"1.3",
          {"The address is not written correctly.", check_spelling},
          {"La dirección no está bien escrita.", revise_la_direccion}},
    Entry{"1.6",
          {"The person no longer has this address.", "Ask for the new address."},
          {"La persona ya no usa esta dirección.", "Pídale su dirección nueva."}},
    Entry{"1.7",
          {"The destination does not accept the address you send from.", tell_your_administrator},
          {"El destino no acepta la dirección desde la que usted envía.", avise_a_su_administrador}},
    Entry{"1.8",
          {"The destination does not accept the domain you send from.", tell_your_administrator},
          {"El destino no acepta el dominio desde el que usted envía.", avise_a_su_administrador}},
    Entry{"1.10",
          {"The domain of this address states that it takes no mail.", check_spelling},
          {"El dominio de esta dirección declara que no recibe correo.", revise_la_direccion}},
    Entry{"1",
          {"The destination does not accept this address.", check_spelling},
          {"El destino no acepta esta dirección.", revise_la_direccion}},
    Entry{"2.1",
          {"The mailbox exists but is disabled.", "Reach the person another way."},
          {"El buzón existe, pero está desactivado.", "Póngase en contacto con la persona por otro medio."}},
    Entry{"2.2",
          {"The mailbox is full.", "Tell the person, and send the message again when there is room."},
          {"El buzón está lleno.", "Avise a la persona y vuelva a enviar el mensaje cuando tenga espacio."}},
    Entry{"2.3",
          {"The message is larger than this mailbox accepts.",
           "Send it with smaller attachments, or share a link to the files."},
          {"El mensaje es más grande de lo que admite este buzón.",
           "Envíelo con adjuntos más pequeños o comparta un enlace a los archivos."}},
    Entry{"2.4",
          {"The destination is a list, and it could not be resolved into its members.", try_later},
          {"El destino es una lista y no se pudieron obtener sus miembros.", intente_mas_tarde}},
    Entry{"2",
          {"The mailbox cannot take the message.", try_later},
          {"El buzón no puede recibir el mensaje.", intente_mas_tarde}},
    Entry{"3.1",
          {"The destination's mail system has no room left.", try_later},
          {"El sistema de correo de destino no tiene espacio.", intente_mas_tarde}},
    Entry{"3.4",
          {"The message is too large for the destination.",
           "Send it with smaller attachments, or share a link to the files."},
          {"El mensaje es demasiado grande para el destino.",
           "Envíelo con adjuntos más pequeños o comparta un enlace a los archivos."}},
    Entry{"3",
          {"The destination's mail system has a problem.", try_later},
          {"El sistema de correo de destino tiene un problema.", intente_mas_tarde}},
    Entry{"4.1",
          {"The destination's mail server does not answer.", try_later},
          {"El servidor de correo de destino no responde.", intente_mas_tarde}},
    Entry{"4.2",
          {"The connection to the destination's mail server breaks off.", try_later},
          {"La conexión con el servidor de correo de destino se corta.", intente_mas_tarde}},
    Entry{
        "4.3",
        {"The destination's mail server could not be found out, because a directory (DNS) did not answer.", try_later},
        {"No se pudo averiguar el servidor de correo de destino, porque un directorio (DNS) no respondió.",
         intente_mas_tarde}},
    Entry{"4.4",
          {"There is no way to the destination's mail server.", check_spelling},
          {"No hay forma de llegar al servidor de correo de destino.", revise_la_direccion}},
    Entry{"4.6",
          {"The message was going round in circles between mail servers.", tell_your_administrator},
          {"El mensaje daba vueltas entre servidores de correo sin llegar a su destino.", avise_a_su_administrador}},
    Entry{"4.7",
          {"The destination did not accept the message in the time that we keep trying.", try_later},
          {"El destino no aceptó el mensaje durante el plazo en que seguimos intentándolo.", intente_mas_tarde}},
    Entry{"4",
          {"The destination's mail server cannot be reached.", try_later},
          {"No se puede llegar al servidor de correo de destino.", intente_mas_tarde}},
    Entry{"5.3",
          {"The message has more recipients than the destination accepts.", "Send it to fewer people at a time."},
          {"El mensaje tiene más destinatarios de los que admite el destino.", "Envíelo a menos personas a la vez."}},
    Entry{"5",
          {"The two mail servers did not understand each other.", tell_your_administrator},
          {"Los dos servidores de correo no se entendieron.", avise_a_su_administrador}},
    Entry{"6.7",
          {"The destination does not accept addresses with accents or other international letters.",
           "Ask the person for an address without them."},
          {"El destino no admite direcciones con acentos u otras letras internacionales.",
           "Pida a la persona una dirección sin ellas."}},
    Entry{"6",
          {"The destination does not accept the form of the message.", tell_your_administrator},
          {"El destino no acepta el formato del mensaje.", avise_a_su_administrador}},
    Entry{"7.10",
          {"The message had to travel encrypted, and the destination could not do so.", tell_your_administrator},
          {"El mensaje tenía que viajar cifrado y el destino no pudo hacerlo.", avise_a_su_administrador}},
    Entry{"7.20",
          {"The destination did not find a valid signature (DKIM) of your domain.", tell_your_administrator},
          {"El destino no encontró una firma válida (DKIM) de su dominio.", avise_a_su_administrador}},
    Entry{"7.23",
          {"The destination says that your domain does not allow this server to send for it (SPF).",
           tell_your_administrator},
          {"El destino indica que su dominio no autoriza a este servidor a enviar en su nombre (SPF).",
           avise_a_su_administrador}},
    Entry{"7.25",
          {"The destination does not accept the server's name (reverse DNS).", tell_your_administrator},
          {"El destino no acepta el nombre del servidor (DNS inverso).", avise_a_su_administrador}},
    Entry{"7.26",
          {"The destination could not verify that the message comes from your domain.", tell_your_administrator},
          {"El destino no pudo comprobar que el mensaje procede de su dominio.", avise_a_su_administrador}},
    Entry{"7.28",
          {"The destination receives too many messages and refuses more for now.", try_later},
          {"El destino recibe demasiados mensajes y por ahora rechaza más.", intente_mas_tarde}},
    Entry{"7.30",
          {"The message had to travel encrypted, and the destination could not do so.", tell_your_administrator},
          {"El mensaje tenía que viajar cifrado y el destino no pudo hacerlo.", avise_a_su_administrador}},
    Entry{"7",
          {"The destination refused the message by its own rules, often because it takes it for unwanted mail.",
           "Reach the person another way, and pass this report on to the person who looks after your mail."},
          {"El destino rechazó el mensaje según sus propias normas, a menudo porque lo toma por correo no deseado.",
           "Póngase en contacto con la persona por otro medio y reenvíe este aviso a quien administra su correo."}},
    Entry{"",
          {"The destination did not accept the message.", try_later},
          {"El destino no aceptó el mensaje.", intente_mas_tarde}},
};

}  // namespace

Advice advice_for(std::string_view status, Language language) {
    const auto first_dot = status.find('.');
    std::string_view code = first_dot == std::string_view::npos ? "" : status.substr(first_dot + 1);
    while (true) {
        const auto* const entry = std::ranges::find(entries, code, &Entry::code);
        if (entry != entries.end()) return language == Language::spanish ? entry->spanish : entry->english;
        const auto dot = code.rfind('.');
        code = code.substr(0, dot == std::string_view::npos ? 0 : dot);
    }
}

}  // namespace relevo::mail

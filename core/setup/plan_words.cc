#include "core/setup/plan_words.h"

#include <fmt/format.h>

namespace relevo::setup {

Words why_ownership() {
    return {"Proves that whoever set up this domain here may change its DNS. Without it nobody may send as it.",
            "Demuestra que quien dio de alta el dominio aquí puede cambiar su DNS. Sin él, nadie puede enviar en su "
            "nombre."};
}

Words why_signing_key(const SendingKey& key) {
    if (key.role == KeyRole::second_algorithm)
        return {"A second signature of another kind (Ed25519): small and strong, for the receivers that know it.",
                "Una segunda firma de otro tipo (Ed25519): pequeña y fuerte, para los receptores que la conocen."};
    if (key.role == KeyRole::signing)
        return {
            "The public key with which receivers verify our DKIM signature. It is what DMARC relies on when mail "
            "is forwarded, and it belongs to this domain alone.",
            "La clave pública con la que los receptores comprueban nuestra firma DKIM. Es lo que sostiene DMARC "
            "cuando el correo se reenvía, y es solo de este dominio."};
    return {
        "A key beside the one that signs now: the next one, or the previous one while mail that it signed is "
        "still on its way.",
        "Una clave además de la que firma ahora: la siguiente, o la anterior mientras quede en camino correo "
        "firmado con ella."};
}

Words why_sending_hosts() {
    return {
        "SPF: the servers that may send with this domain in the envelope. A domain has exactly one such record: "
        "ours is added to it, never put beside it.",
        "SPF: los servidores que pueden enviar con este dominio en el sobre. Un dominio tiene un único registro "
        "de este tipo: lo nuestro se añade a él, nunca se pone al lado."};
}

Words why_return_path(dns::RecordType type) {
    if (type == dns::RecordType::mx)
        return {
            "Takes the bounces of mail whose envelope sender lies in this sub-domain, away from the mailboxes of your "
            "domain.",
            "Recibe los rebotes de los envíos cuyo remitente de sobre está en este subdominio, separados de los "
            "buzones de su dominio."};
    return {
        "SPF for envelope senders in this sub-domain. As it is yours it agrees with your From address, so DMARC "
        "passes by SPF too.",
        "SPF para los remitentes de sobre de este subdominio. Al ser suyo, concuerda con su dirección From y DMARC "
        "también pasa por SPF."};
}

Words why_policy(const std::string& domain) {
    return {fmt::format("DMARC tells receivers what to do with mail that claims to be from {} and is not, and asks "
                        "for reports. Large providers demand it from whoever sends much. Begin with p=none: nothing "
                        "is refused and the reports show who sends. When for some weeks all your own mail passes, "
                        "change p to quarantine, later to reject.",
                        domain),
            fmt::format("DMARC dice a los receptores qué hacer con el correo que dice venir de {} y no es así, y pide "
                        "informes. Los grandes proveedores lo exigen a quien envía mucho. Empiece con p=none: no se "
                        "rechaza nada y los informes muestran quién envía. Cuando durante unas semanas todo su correo "
                        "pase, cambie p a quarantine y más tarde a reject.",
                        domain)};
}

Words why_incoming_mail() {
    return {"Sends the domain's incoming mail to this server.",
            "Dirige a este servidor el correo que llega al dominio."};
}

Words why_transport_policy(const std::string& mail_exchanger) {
    return {
        fmt::format("MTA-STS: other servers deliver to this domain over TLS only, even if somebody tampers with the "
                    "line. First the web server must answer for this name, with a certificate of its own, and "
                    "give /.well-known/mta-sts.txt with the lines \"version: STSv1\", \"mode: testing\", \"mx: "
                    "{}\" and \"max_age: 86400\". When the file changes, so must the id.",
                    mail_exchanger),
        fmt::format("MTA-STS: los demás servidores solo entregan a este dominio con TLS, aunque alguien manipule la "
                    "línea. Antes, el servidor web debe responder por este nombre, con certificado propio, y dar "
                    "/.well-known/mta-sts.txt con las líneas «version: STSv1», «mode: testing», «mx: {}» y "
                    "«max_age: 86400». Si cambia el archivo, debe cambiar también el id.",
                    mail_exchanger)};
}

Words why_transport_reports() {
    return {"Other servers report failures of TLS on the way to this domain, so that you learn of them first.",
            "Los demás servidores informan de los fallos de TLS en el camino hacia este dominio, y así usted se "
            "entera el primero."};
}

Words why_tracking() {
    return {"Links and pictures in your mail use a name of your own domain: filters distrust names that others share.",
            "Los enlaces e imágenes de sus correos usan un nombre de su propio dominio: los filtros desconfían de los "
            "nombres compartidos."};
}

Words why_clients(std::string_view label) {
    if (label == "autoconfig")
        return {"Thunderbird and its relatives find the outgoing server here from an address alone.",
                "Thunderbird y sus parientes encuentran aquí el servidor de salida con solo la dirección."};
    if (label == "_autodiscover._tcp")
        return {
            "Outlook finds the outgoing server here from an address alone. Leave it out if an Exchange server or "
            "Microsoft 365 has the domain's mailboxes: theirs must stay.",
            "Outlook encuentra aquí el servidor de salida con solo la dirección. No lo ponga si los buzones del "
            "dominio "
            "están en un servidor Exchange o en Microsoft 365: debe quedar el suyo."};
    if (label.starts_with("_imap") || label.starts_with("_pop3"))
        return {"Mail clients that ask the DNS find the mailboxes and their port.",
                "Los programas de correo que preguntan al DNS encuentran los buzones y su puerto."};
    return {"Mail clients that ask the DNS find the outgoing server and its port.",
            "Los programas de correo que preguntan al DNS encuentran el servidor de salida y su puerto."};
}

Words why_service(Purpose used_by) {
    switch (used_by) {
        case Purpose::sending_hosts:
            return {"Customers include this record in theirs: when our addresses change, only this one changes.",
                    "Los clientes incluyen este registro en el suyo: si cambian nuestras direcciones, solo cambia "
                    "este."};
        case Purpose::policy:
            return {
                "Without it receivers do not send DMARC reports about one domain to an address of another "
                "(RFC 9990).",
                "Sin él, los receptores no envían los informes DMARC de un dominio a una dirección de otro "
                "(RFC 9990)."};
        default:
            return {"Only if the domain has the CNAME: this is where it leads.",
                    "Solo si el dominio tiene el CNAME: aquí es adonde lleva."};
    }
}

std::vector<Words> advice_about_risk(const DomainFacts& facts) {
    std::vector<Words> advice;
    advice.push_back(
        {fmt::format("Can {0} be blocklisted for mail sent here? Yes: complaints count against the domain in From and "
                     "against the domain of the signature, wherever the mail leaves from. Nobody else's mail counts "
                     "against it: the signing key is {0}'s alone and others cannot use it.",
                     facts.domain),
         fmt::format("¿Puede {0} acabar en una lista negra por lo que se envía aquí? Sí: las quejas cuentan contra el "
                     "dominio del From y el de la firma, salga el correo de donde salga. El correo de otros no cuenta "
                     "contra él: la clave de firma es solo de {0} y nadie más puede usarla.",
                     facts.domain)});
    advice.push_back(
        {fmt::format("Keep campaigns apart: send them from a sub-domain such as news.{0}, added here as a domain of "
                     "its own. It has its own key and its own reputation, and the mail of your staff stays out of it.",
                     facts.domain),
         fmt::format("Separe las campañas: envíelas desde un subdominio como boletin.{0}, dado de alta aquí como "
                     "dominio propio. Tiene su propia clave y su propia reputación, y el correo de su equipo queda al "
                     "margen.",
                     facts.domain)});
    return advice;
}

}  // namespace relevo::setup

// What findings mean to people.
#include "lib/addresscheck/address_check.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::addresscheck {
namespace {

struct Words {
    Finding finding;
    std::string_view reason, what_to_do;  // {0}: the domain, {1}: a detail, {2}: what was meant
};

constexpr std::string_view write_meant = "Write {2}.";

constexpr Words english[] = {
    {Finding::syntax, "This is not an address: {1}.", "Correct it, or ask for it again."},
    {Finding::no_such_domain, "The domain {0} does not exist.",
     "Correct what comes after the @, or remove the address."},
    {Finding::null_mx, "The domain {0} declares that it takes no mail.",
     "Remove the address: mail to it always comes back."},
    {Finding::no_mail_server, "The domain {0} exists but has no mail server.",
     "Check what comes after the @; if it is right, its owner must publish an MX record."},
    {Finding::no_server_address, "The mail servers of {0} have no address in the DNS.",
     "Check what comes after the @; if it is right, its owner must repair the MX records."},
    {Finding::suppressed, "Nothing may be sent to this address: {1}.",
     "Do not write to it; only its owner can ask for mail again."},
    {Finding::bounced, "The last mail to this address came back for good.", "Remove it, or ask for another address."},
    {Finding::typo, "{0} is probably a slip for {1}.", write_meant},
    {Finding::disposable, "{0} gives out mailboxes to be thrown away.",
     "Ask for an address that the person will still read tomorrow."},
    {Finding::no_mx, "{0} names no mail server; only its own address is left to try.",
     "Ask the person whether the address is right."},
    {Finding::address_literal, "An IP address stands in place of a domain; most servers refuse that.",
     "Use an address with a domain."},
    {Finding::role, "The address belongs to a task and not to a person: several may read it, and complain.",
     "Send campaigns to it only if somebody there has asked for them."},
    {Finding::needs_smtputf8, "The part before the @ has letters that not every mail server can handle.",
     "If mail comes back, ask for an address in plain letters."},
    {Finding::dns_trouble, "Nothing could be found out about {0}: {1}.", "Try again later."},
};
constexpr Words spanish[] = {
    {Finding::syntax, "Esto no es una dirección: {1}.", "Corríjala o vuelva a pedirla."},
    {Finding::no_such_domain, "El dominio {0} no existe.", "Corrija lo que va detrás de la @ o retire la dirección."},
    {Finding::null_mx, "El dominio {0} declara que no recibe correo.",
     "Retire la dirección: el correo que se le envíe siempre volverá."},
    {Finding::no_mail_server, "El dominio {0} existe, pero no tiene servidor de correo.",
     "Revise lo que va detrás de la @; si está bien, su dueño debe publicar un registro MX."},
    {Finding::no_server_address, "Los servidores de correo de {0} no tienen dirección en el DNS.",
     "Revise lo que va detrás de la @; si está bien, su dueño debe reparar los registros MX."},
    {Finding::suppressed, "No se puede enviar nada a esta dirección: {1}.",
     "No le escriba; solo su dueño puede volver a pedir correo."},
    {Finding::bounced, "El último correo a esta dirección volvió de forma definitiva.",
     "Retírela o pida otra dirección."},
    {Finding::typo, "{0} es probablemente un error por {1}.", "Escriba {2}."},
    {Finding::disposable, "{0} ofrece buzones de usar y tirar.",
     "Pida una dirección que la persona vaya a leer también mañana."},
    {Finding::no_mx, "{0} no nombra ningún servidor de correo; solo queda probar su propia dirección.",
     "Pregunte a la persona si la dirección es correcta."},
    {Finding::address_literal, "Hay una dirección IP en lugar de un dominio; la mayoría de servidores lo rechaza.",
     "Use una dirección con dominio."},
    {Finding::role, "La dirección es de una tarea y no de una persona: pueden leerla, y quejarse, varias.",
     "Envíele campañas solo si alguien de allí las ha pedido."},
    {Finding::needs_smtputf8, "La parte anterior a la @ tiene letras que no todos los servidores admiten.",
     "Si el correo vuelve, pida una dirección con letras sin acentos."},
    {Finding::dns_trouble, "No se ha podido averiguar nada sobre {0}: {1}.", "Vuelva a intentarlo más tarde."},
};

std::string detail_of(const AddressReport& report, Finding finding) {
    switch (finding) {
        case Finding::syntax: return printable(report.syntax_problem, 200);
        case Finding::suppressed: return printable(report.history.suppressed, 200);
        case Finding::typo: return report.meant ? report.meant->substr(report.meant->rfind('@') + 1) : "";
        case Finding::dns_trouble: return printable(report.mail.problem, 200);
        default: return {};
    }
}

std::string filled(std::string_view pattern, const std::string& domain, const std::string& detail,
                   const std::string& meant) {
    return fmt::format(fmt::runtime(pattern), domain, detail, meant);
}

}  // namespace

Text explain(const AddressReport& report, Finding finding, mail::Language language) {
    const bool is_spanish = language == mail::Language::spanish;
    const Words& words = (is_spanish ? spanish : english)[static_cast<std::size_t>(finding)];
    const std::string meant = report.meant.value_or("");
    // What was meant says more than the general advice.
    const bool is_clear = report.meant && (finding == Finding::syntax || finding == Finding::no_such_domain ||
                                           finding == Finding::no_mail_server || finding == Finding::null_mx);
    const std::string_view what_to_do = !is_clear ? words.what_to_do : is_spanish ? "Escriba {2}." : write_meant;
    const std::string domain = printable(report.domain, 255);
    const std::string detail = detail_of(report, finding);
    return {filled(words.reason, domain, detail, printable(meant, 255)),
            filled(what_to_do, domain, detail, printable(meant, 255))};
}

}  // namespace relevo::addresscheck

#include "core/setup/check_item.h"

#include <algorithm>

namespace relevo::setup {

std::string_view name_of(CheckStatus status) {
    switch (status) {
        case CheckStatus::ok: return "ok";
        case CheckStatus::warn: return "warn";
        case CheckStatus::fail: return "fail";
        case CheckStatus::skipped: return "skipped";
    }
    return "";
}

std::string_view name_of(CheckGroup group) {
    switch (group) {
        case CheckGroup::machine: return "machine";
        case CheckGroup::names: return "names";
        case CheckGroup::ports: return "ports";
        case CheckGroup::tls: return "tls";
        case CheckGroup::dns: return "dns";
        case CheckGroup::relaying: return "relaying";
        case CheckGroup::blocklists: return "blocklists";
        case CheckGroup::domain: return "domain";
    }
    return "";
}

Words title_of(CheckGroup group) {
    switch (group) {
        case CheckGroup::machine: return {"Machine", "Máquina"};
        case CheckGroup::names: return {"Names and addresses", "Nombres y direcciones"};
        case CheckGroup::ports: return {"Ports", "Puertos"};
        case CheckGroup::tls: return {"Certificates", "Certificados"};
        case CheckGroup::dns: return {"DNS", "DNS"};
        case CheckGroup::relaying: return {"Relaying", "Reenvío"};
        case CheckGroup::blocklists: return {"Blocklists", "Listas negras"};
        case CheckGroup::domain: return {"Domain", "Dominio"};
    }
    return {};
}

Words title_of_check(std::string_view id) {
    struct Title {
        std::string_view id, english, spanish;
    };
    static constexpr Title titles[] = {
        {"machine.configuration", "Configuration", "Configuración"},
        {"machine.host-name", "Name of this server", "Nombre de este servidor"},
        {"machine.data-folder", "Data folder", "Carpeta de datos"},
        {"machine.disk-space", "Disk space", "Espacio en disco"},
        {"machine.store", "Store", "Almacén"},
        {"machine.descriptors", "Descriptors", "Descriptores"},
        {"machine.clock", "Clock", "Reloj"},
        {"machine.network-checks", "Checks over the network", "Comprobaciones por la red"},
        {"names.host", "Address of the name", "Dirección del nombre"},
        {"names.ptr", "Name of the address (PTR)", "Nombre de la dirección (PTR)"},
        {"names.helo", "Name in EHLO", "Nombre en EHLO"},
        {"names.ehlo", "Name in EHLO", "Nombre en EHLO"},
        {"ports.listener", "Listener", "Listener"},
        {"ports.outbound", "Outgoing port", "Puerto de salida"},
        {"tls.certificate", "Certificate", "Certificado"},
        {"dns.resolver", "Resolver", "Servidor DNS"},
        {"dns.dnssec", "DNSSEC", "DNSSEC"},
        {"relaying.strangers", "Open relay", "Relay abierto"},
        {"blocklist.address", "Blocklist", "Lista negra"},
        {"blocklist.domain", "Blocklist", "Lista negra"},
        {"domain.dnssec", "DNSSEC", "DNSSEC"},
        {"domain.name-servers", "Name servers", "Servidores de nombres"},
        {"ownership.record", "Proof of ownership", "Prueba de propiedad"},
        {"ownership.proof", "Proof of ownership", "Prueba de propiedad"},
        {"dkim.record", "DKIM key", "Clave DKIM"},
        {"spf.record", "SPF record", "Registro SPF"},
        {"spf.covers", "SPF lets us send", "SPF nos deja enviar"},
        {"spf.lookups", "SPF look-ups", "Consultas de SPF"},
        {"return-path.record", "Return path", "Dirección de rebotes"},
        {"dmarc.record", "DMARC record", "Registro DMARC"},
        {"dmarc.policy", "DMARC policy", "Política DMARC"},
        {"dmarc.syntax", "DMARC record", "Registro DMARC"},
        {"dmarc.reports", "DMARC reports", "Informes DMARC"},
        {"dmarc.alignment", "DMARC alignment", "Concordancia DMARC"},
        {"mx.record", "Incoming mail (MX)", "Correo entrante (MX)"},
        {"mx.hosts", "Mail servers (MX)", "Servidores de correo (MX)"},
        {"dane.tlsa", "DANE", "DANE"},
        {"mta-sts.record", "MTA-STS", "MTA-STS"},
        {"mta-sts.policy", "MTA-STS", "MTA-STS"},
        {"tls-rpt.record", "TLS reports", "Informes TLS"},
        {"tls-rpt.policy", "TLS reports", "Informes TLS"},
        {"tracking.record", "Links and pictures", "Enlaces e imágenes"},
        {"service.record", "Record of this service", "Registro de este servicio"},
    };
    const auto found = std::ranges::find(titles, id, &Title::id);
    if (found == std::end(titles)) return same(std::string(id));
    return {std::string(found->english), std::string(found->spanish)};
}

CheckItem make_item(std::string id, CheckGroup group, std::string subject, Words why) {
    CheckItem item;
    item.id = std::move(id);
    item.group = group;
    item.subject = std::move(subject);
    item.why = std::move(why);
    return item;
}

CheckItem unanswered_item(std::string id, std::string subject, const Error& error) {
    CheckItem item = make_item(std::move(id), CheckGroup::domain, std::move(subject), {});
    item.status = CheckStatus::skipped;
    item.found = {"the DNS did not answer: " + error.detail, "el DNS no ha respondido: " + error.detail};
    return item;
}

std::size_t count_of(const std::vector<CheckItem>& items, CheckStatus status) {
    return static_cast<std::size_t>(std::ranges::count(items, status, &CheckItem::status));
}

}  // namespace relevo::setup

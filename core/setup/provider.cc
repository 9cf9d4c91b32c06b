#include "core/setup/provider.h"

#include "lib/mail/address.h"

#include <fmt/format.h>

namespace relevo::setup {
namespace {

// Only what is certain: a wrong hint costs more than a missing one. Not here: googledomains.com, whose servers stand
// behind Google Cloud's panel and behind those of registrars, which want names typed in other ways. `pattern` is looked
// for in ".ns1.example.net.".
constexpr Provider providers[] = {
    {.name = "Cloudflare", .pattern = ".ns.cloudflare.com."},
    {.name = "Amazon Route 53", .pattern = ".awsdns-", .is_suffix = false, .text = TextForm::quoted_strings},
    {.name = "Azure DNS", .pattern = ".azure-dns.", .is_suffix = false},
    {.name = "GoDaddy", .pattern = ".domaincontrol.com."},
    {.name = "Namecheap", .pattern = ".registrar-servers.com."},
    {.name = "IONOS", .pattern = ".ui-dns.", .is_suffix = false},
    {.name = "OVHcloud", .pattern = ".ovh.net.", .target = TargetForm::final_dot},
    {.name = "Gandi", .pattern = ".gandi.net.", .target = TargetForm::final_dot},
    {.name = "Hetzner", .pattern = ".ns.hetzner.", .is_suffix = false, .target = TargetForm::final_dot},
    {.name = "DigitalOcean", .pattern = ".digitalocean.com.", .target = TargetForm::final_dot},
    {.name = "Akamai (Linode)", .pattern = ".linode.com."},
    {.name = "DNSimple", .pattern = ".dnsimple.", .is_suffix = false},
    {.name = "Vercel", .pattern = ".vercel-dns.com."},
    {.name = "DonDominio", .pattern = ".dondominio.com."},
    {.name = "Arsys", .pattern = ".servidoresdns.net."},
    {.name = "cdmon", .pattern = ".cdmon.net."},
};

const Provider* provider_of(std::string_view server) {
    const std::string bounded = fmt::format(".{}.", server);
    for (const Provider& provider : providers)
        if (provider.is_suffix ? bounded.ends_with(provider.pattern) : bounded.contains(provider.pattern))
            return &provider;
    return nullptr;
}

Words host_hint(const Provider* provider, std::string_view domain) {
    if (provider == nullptr)
        return {fmt::format("Most panels add \".{0}\" to the host by themselves: there type the name without it, and @ "
                            "for {0} itself. If you see {0}.{0} after saving, that is what happened.",
                            domain),
                fmt::format("La mayoría de los paneles añaden \".{0}\" al nombre por su cuenta: escriba el nombre sin "
                            "él, y @ para el propio {0}. Si tras guardar ve {0}.{0}, es lo que ha ocurrido.",
                            domain)};
    return {fmt::format("{0} adds \".{1}\" to the host by itself: type the short name, and @ for {1} itself.",
                        provider->name, domain),
            fmt::format("{0} añade \".{1}\" al nombre por su cuenta: escriba el nombre corto, y @ para el propio {1}.",
                        provider->name, domain)};
}

Words target_hint(const Provider* provider) {
    if (provider == nullptr)
        return {
            "For MX and CNAME try the target without a final dot; only if the panel adds your domain to it, end it "
            "with a dot.",
            "En MX y CNAME pruebe el destino sin punto final; termínelo en punto solo si el panel le añade su "
            "dominio."};
    if (provider->target == TargetForm::final_dot)
        return {"Targets of MX and CNAME end with a dot there.", "Allí los destinos de MX y CNAME acaban en punto."};
    return {"Targets of MX and CNAME have no final dot there.",
            "Allí los destinos de MX y CNAME no llevan punto final."};
}

Words text_hint(const Provider* provider) {
    if (provider != nullptr && provider->text == TextForm::quoted_strings)
        return {
            "TXT values are typed there in quotes, and one over 255 characters as several quoted strings with a "
            "space between: use those that `--zone` prints.",
            "Allí los valores TXT se escriben entre comillas, y los de más de 255 caracteres en varias cadenas "
            "entrecomilladas separadas por un espacio: use las que imprime `--zone`."};
    return {
        "TXT values are typed without quotes. A panel that refuses more than 255 characters wants several quoted "
        "strings: use those that `--zone` prints.",
        "Los valores TXT se escriben sin comillas. Si el panel no acepta más de 255 caracteres, pide varias "
        "cadenas entrecomilladas: use las que imprime `--zone`."};
}

}  // namespace

std::span<const Provider> provider_table() { return providers; }

const Provider* find_provider(const std::vector<std::string>& name_servers) {
    const Provider* found = nullptr;
    for (const std::string& server : name_servers) {
        const Provider* provider = provider_of(server);
        if (provider == nullptr || (found != nullptr && provider != found)) return nullptr;
        found = provider;
    }
    return found;
}

std::vector<Words> hints_for(const Provider* provider, std::string_view domain) {
    std::vector<Words> hints = {host_hint(provider, domain), target_hint(provider), text_hint(provider)};
    if (provider != nullptr && provider->name == "Cloudflare")
        hints.push_back({"Set each CNAME to \"DNS only\": a proxied one hides the record.",
                         "Ponga cada CNAME en «Solo DNS»: si pasa por el proxy, el registro queda oculto."});
    return hints;
}

std::string relative_host(std::string_view name, std::string_view domain) {
    if (name == domain) return "@";
    if (!mail::is_same_or_subdomain(name, domain)) return std::string(name);
    return std::string(name.substr(0, name.size() - domain.size() - 1));
}

}  // namespace relevo::setup

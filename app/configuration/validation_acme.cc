// What is wrong with [acme] as a whole.
#include "app/configuration/validation.h"
#include "lib/base/https_url.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::configuration {
namespace {

void check_challenge(const Configuration& configuration, Problems& problems) {
    const AcmeSettings& settings = configuration.acme;
    const auto serves = [&](bool tls) {
        return std::ranges::any_of(configuration.http, [tls](const HttpSettings& http) { return http.tls == tls; });
    };
    switch (settings.challenge) {
        case AcmeChallenge::http_01:
            if (!serves(false))
                problems.add("acme.challenge",
                             "is \"http-01\", which needs port 80: add [[http]] with address = [\"0.0.0.0:80\", "
                             "\"[::]:80\"], tls = false, api = false and console = false");
            break;
        case AcmeChallenge::tls_alpn_01:
            if (!serves(true))
                problems.add("acme.challenge",
                             "is \"tls-alpn-01\", which needs port 443: add [[http]] with address = [\"0.0.0.0:443\", "
                             "\"[::]:443\"]");
            break;
        case AcmeChallenge::dns_01:
            if (settings.hook.empty())
                problems.add("acme.hook", "is missing: dns-01 needs a program that sets TXT records");
            else if (!settings.hook.starts_with('/'))
                problems.add("acme.hook", "is no absolute path: begin it with \"/\"");
            break;
    }
}

}  // namespace

void check_acme(Configuration& configuration, Problems& problems) {
    AcmeSettings& settings = configuration.acme;
    if (const auto url = parse_https_url(settings.directory); !url)
        problems.add("acme.directory", "is no address of an authority: " + url.error().detail);
    for (const std::string& contact : settings.contact)
        if (!mail::Address::parse(contact, mail::Utf8::refused))
            problems.add("acme.contact", fmt::format("\"{}\" is not an address", printable(contact, 100)));
    for (std::string& name : settings.names) {
        check_domain(name, "acme.names", problems);
        name = to_lower(name);
    }
    if (settings.eab_key_id.empty() != settings.eab_key_file.empty())
        problems.add("acme.eab_key_file", "and eab_key_id belong together: set both, or none");
    if (settings.enabled) check_challenge(configuration, problems);
}

}  // namespace relevo::configuration

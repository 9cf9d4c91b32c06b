// Fuzz target: what an authority says. Whatever is read has the directory's origin, and no text of it is raw.
#include "lib/acme/answers.h"

#include "lib/acme/certificate.h"
#include "lib/acme/renewal.h"
#include "lib/base/base64url.h"
#include "lib/base/text.h"

#include <cstdlib>

namespace {

using namespace relevo;
using namespace relevo::acme;

void require(bool holds) {
    if (!holds) std::abort();
}

void require_home(const std::string& address, const HttpsUrl& home) {
    const auto url = parse_https_url(address);
    require(url.has_value() && url->has_origin_of(home));
}

void require_printable(const std::string& text) { require(text == relevo::printable(text, text.size() + 1)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const HttpsUrl home = parse_https_url("https://ca.example/directory").value();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto directory = parse_directory(text, home)) {
        for (const std::string* address : {&directory->new_nonce, &directory->new_account, &directory->new_order})
            require_home(*address, home);
        if (!directory->renewal_info.empty()) require_home(directory->renewal_info, home);
    }
    if (const auto info = parse_renewal_info(text)) {
        require(info->start < info->end);
        require_printable(info->explanation);
        for (const double chance : {0.0, 0.5, 1.0})
            require(moment_of(*info, chance) >= info->start && moment_of(*info, chance) <= info->end);
    }
    if (const auto order = parse_order(text, home)) {
        require(order->authorizations.size() == 1);
        require_home(order->authorizations.front(), home);
        require_home(order->finalize, home);
        if (!order->certificate.empty()) require_home(order->certificate, home);
    }
    if (const auto authorization = parse_authorization(text, home)) {
        require(authorization->challenges.size() <= 20);
        for (const Challenge& challenge : authorization->challenges) {
            require_home(challenge.url, home);
            require(is_base64url(challenge.token, 256));
        }
    }
    const Problem problem = parse_problem(text);
    require(problem.type.size() <= 2000 && problem.detail.size() <= 2000);
    if (const auto url = parse_https_url(text)) {
        require(!url->host.empty() && url->path.starts_with('/') && url->port > 0);
        require_printable(url->text);
    }
    const auto wait = parse_retry_after(text, {});
    require(!wait || (wait->count() >= 0 && *wait <= std::chrono::days(7)));
    if (const auto facts = inspect_chain(text)) {
        const std::size_t dot = facts->renewal_id.find('.');
        require(facts->renewal_id.empty() || (is_base64url(facts->renewal_id.substr(0, dot), 200) &&
                                              is_base64url(facts->renewal_id.substr(dot + 1), 200)));
    }
    return 0;
}

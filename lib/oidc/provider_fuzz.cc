// Fuzz target: what a provider publishes and answers: description, keys, tokens. Every address is https, and whatever
// the keys are, they have signed nothing.
#include "lib/oidc/provider.h"

#include "lib/oidc/exchange.h"
#include "lib/oidc/key_set.h"

#include <cstdlib>

namespace {

using namespace relevo::oidc;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto keys = KeySet::parse(text)) {
        require(keys->size() <= KeySet::keys_limit);
        for (const Algorithm algorithm : {Algorithm::rs256, Algorithm::es256, Algorithm::eddsa})
            require(keys->check(algorithm, "k", "head.claims", std::string(64, '\1')) != Signature::good);
    }
    if (const auto provider = parse_provider(text, "https://id.example")) {
        for (const relevo::HttpsUrl* url : {&provider->authorization, &provider->token, &provider->keys})
            require(url->text.size() > 8 && !url->host.empty() && url->path.starts_with('/'));
        const std::string address = authorization_url(*provider, {.id = "a", .secret = "b", .redirect_uri = "c"}, {});
        require(address.starts_with(provider->authorization.text));
    }
    if (const auto tokens = parse_token_answer(200, text)) {
        require(!tokens->id_token.empty());
        for (const char c : tokens->access_token) require(c > ' ' && c < '\x7F');
    }
    static_cast<void>(parse_token_answer(400, text));
    return 0;
}

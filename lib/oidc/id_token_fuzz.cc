// Fuzz target: ID tokens and their claims. No text becomes a person but what one key has signed, and none tells of more
// than it may.
#include "lib/oidc/id_token.h"

#include "lib/base/text.h"
#include "lib/oidc/token_signer.h"

#include <cstdlib>

namespace {

using namespace relevo::oidc;

void require(bool holds) {
    if (!holds) std::abort();
}

void require_bounded(const Claims& claims) {
    require(!claims.subject.empty() && claims.subject.size() <= 255);
    require(claims.email.size() <= 320 && claims.name.size() <= 200);
    for (const std::string* text : {&claims.subject, &claims.email, &claims.name})
        require(relevo::is_utf8(*text) && text->find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A fresh key: nothing that the fuzzer can come upon is signed by it.
    static const KeySet keys =
        KeySet::parse(test::key_set_text({test::TokenSigner(Algorithm::eddsa, "k").jwk()})).value();
    static const Expectation expected{.issuer = "https://id.example",
                                      .client_id = "relevo",
                                      .nonce = "n-1",
                                      .access_token = "x",
                                      .now = std::chrono::system_clock::from_time_t(1'795'000'000)};
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    require(!verify_id_token(text, keys, expected).has_value());
    if (const auto parts = parse_token(text)) {
        require(text.starts_with(parts->signed_text) && parts->key_id.size() <= 500);
        if (const auto claims = check_claims(parts->claims, parts->algorithm, expected)) require_bounded(*claims);
    }
    if (const auto claims = check_claims(text, Algorithm::es256, expected)) require_bounded(*claims);
    if (const auto claims = parse_user_info(text, "person-1")) {
        require_bounded(*claims);
        require(claims->subject == "person-1");
    }
    return 0;
}

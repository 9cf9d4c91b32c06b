// Fuzz target (F23): client data, new keys and signatures. What is read is bounded and usable; nothing is signed but by
// the key.
#include "lib/webauthn/cbor_bounds.h"
#include "lib/webauthn/client_data.h"
#include "lib/webauthn/credential.h"
#include "lib/webauthn/software_authenticator.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using namespace relevo::webauthn;

constexpr std::string_view site = "mail.example.com";

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Fresh keys: nothing that the fuzzer can come upon is signed by them.
    static const std::vector<PublicKey> keys = [] {
        std::vector<PublicKey> made;
        for (const Algorithm algorithm : algorithms)
            made.push_back(read_new_credential(test::SoftwareAuthenticator(algorithm).new_key(), site).value().key);
        return made;
    }();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto item = cbor_item_size(text)) require(*item > 0 && *item <= size);
    if (const auto read = parse_client_data(text)) {
        require(size <= client_data_limit && !read->challenge.empty() && !read->origin.empty());
    }
    // The hash of the site in front, which nobody would guess.
    const std::string answer = test::sha256(site) + std::string(text);
    for (const std::string_view given : {text, std::string_view(answer)}) {
        const auto made = read_new_credential(given, site);
        if (!made) continue;
        require(!made->id.empty() && made->id.size() <= credential_id_limit &&
                given.size() <= authenticator_data_limit);
        require(!verify_assertion(made->key, site, {std::string(text), answer, std::string(text)}).has_value());
    }
    // The first octets as a signature of the rest.
    const std::size_t cut = size == 0 ? 0 : std::min<std::size_t>(data[0], size);
    for (const PublicKey& key : keys)
        require(!verify_assertion(key, site,
                                  {.client_data = "{}",
                                   .authenticator_data = test::sha256(site) + std::string(text.substr(cut)),
                                   .signature = std::string(text.substr(0, cut))})
                     .has_value());
    return 0;
}

// A store with the tables of tenants and keys, and keys in it, for the tests of this module.
#pragma once

#include "adapters/memory/key_vault.h"
#include "core/signing/key_ring.h"
#include "core/signing/keys.h"
#include "core/signing/schema.h"
#include "core/tenancy/store_fixture.h"

#include <string>
#include <vector>

namespace relevo::test {

struct KeyStore : Store {
    KeyStore() {
        EXPECT_TRUE(write([](Transaction& rows) { return rows.define(signing_migrations().front().sql); }).has_value());
    }

    // A key in the state wanted, as it comes to be there.
    KeyRow add(DomainId domain, std::string_view name, std::string_view selector, KeyState state = KeyState::active,
               mailauth::SigningAlgorithm algorithm = mailauth::SigningAlgorithm::ed25519_sha256) {
        const auto key = mailauth::SigningKey::generate(algorithm).value();
        KeyRow row = sealed_row(vault, key, domain, name, std::string(selector), {}).value();
        row.state = state;
        EXPECT_TRUE(write([&](Transaction& rows) { return insert_key(rows, row); }).has_value());
        return row;
    }
    std::shared_ptr<const KeyRing> ring(std::string_view service_domain = {}, const KeyRing* previous = nullptr) {
        return read([&](Reader& reader) { return KeyRing::load(reader, vault, service_domain, previous, problems); })
            .value();
    }

    MemoryKeyVault vault;
    std::vector<std::string> problems;
};

}  // namespace relevo::test

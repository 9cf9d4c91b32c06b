// Passwords of credentials: how they are made, and what is kept of them.
#pragma once

#include "core/tenancy/model.h"
#include "lib/base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace relevo {

// Fills its argument with unpredictable octets. Threads: any.
using RandomSource = std::function<void(std::span<std::byte>)>;
// libsodium's generator, which takes from the kernel.
[[nodiscard]] RandomSource system_random();

// Cost of one argon2id hash: 2 passes over 19 MiB, one lane, about 20 ms. This is the smallest setting that OWASP's
// password storage recommendations accept. More would only help against guessing short passwords; ours have 130 random
// bits, and a busy server pays the price at every first login.
inline constexpr std::uint64_t argon2id_passes = 2;
inline constexpr std::size_t argon2id_memory_octets = std::size_t{19} * 1024 * 1024;

// `count` random characters of lower-case base 32 (Crockford's): 5 bits each.
[[nodiscard]] std::string random_digits(const RandomSource& random, std::size_t count);

// 26 characters of lower-case base 32 without the letters that people misread (i, l, o, u): 130 bits.
[[nodiscard]] std::string generate_password(const RandomSource& random);

// The argon2id string alone, of any text: for logins that know no SCRAM. Slow on purpose, as make_secret(). Errors:
// full.
[[nodiscard]] Result<std::string> hash_password(std::string_view password);

// Hashes with argon2id and derives the SCRAM-SHA-256 verifier (RFC 5803). Slow on purpose: never on a shard, and before
// the transaction that stores it, not inside.
// Errors: invalid – a chosen password under 12 or over 128 characters, or with others than printable ASCII without
// spaces (mechanisms disagree about the rest). full – no memory for argon2id.
[[nodiscard]] Result<StoredSecret> make_secret(std::string_view password, const RandomSource& random);

// True if `password` belongs to the argon2id string. Slow: about 20 ms.
[[nodiscard]] bool verify_password(const std::string& password_hash, std::string_view password);

// "acme-7k2m": a login made of a tenant's name and four random characters.
[[nodiscard]] std::string suggest_login(std::string_view tenant_name, const RandomSource& random);

// RFC 5803 §2: "SCRAM-SHA-256$4096:SALT$STORED_KEY:SERVER_KEY", octets in base 64.
[[nodiscard]] std::string scram_text(const sasl::ScramVerifier& verifier);
// Errors: invalid.
[[nodiscard]] Result<sasl::ScramVerifier> parse_scram_text(std::string_view text);

}  // namespace relevo

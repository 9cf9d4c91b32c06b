// What is to be done with the keys of one domain: a function of the rows, of what the DNS shows, and of the time.
#pragma once

#include "core/signing/model.h"

#include <chrono>
#include <span>
#include <vector>

namespace relevo {

struct RotationOptions {
    std::vector<mailauth::SigningAlgorithm> algorithms = {mailauth::SigningAlgorithm::rsa_sha256,
                                                          mailauth::SigningAlgorithm::ed25519_sha256};
    std::chrono::seconds interval = std::chrono::days(180);      // 0: never by itself
    std::chrono::seconds keep_published = std::chrono::days(7);  // how long the record of a retired key must stay
};

struct KeyMove {
    KeyRow key;  // as it was
    KeyState to = KeyState::next;
};

struct RotationPlan {
    std::vector<KeyMove> moves;                        // each key at most once
    std::vector<mailauth::SigningAlgorithm> new_keys;  // to be made as `next`
};

// `keys`: those of one domain, `presence` being what the DNS said last; unknown stands for faults too, and then nothing
// happens to that key. Rules:
// - A next key that is present becomes published; a published one that is not any more becomes next again.
// - Published keys begin to sign together, once each algorithm that signs now and has a successor has it in the DNS;
//   what they replace retires, and what is signed with an algorithm that is no longer wanted. A key that came alone,
//   such as an imported one, takes over alone. A domain without signing keys takes each key as soon as it is there: one
//   signature is better than none, and who cannot publish Ed25519 records signs with RSA alone.
// - A retired key is withdrawn after `keep_published`.
// - For an algorithm without a key, and `interval` after the newest key began to sign, a new one is made, unless one
//   waits already.
// A signing key that vanished from the DNS keeps signing: a signature that cannot be verified counts as none (RFC 6376
// §6.1), and the cause may be a split view; who looks after the keys must warn.
[[nodiscard]] RotationPlan plan_rotation(std::span<const KeyRow> keys, const RotationOptions& options,
                                         WallClock::time_point now);
// The same, as if the interval had passed: what `relevo dkim rotate` asks for. Nothing while keys wait already.
[[nodiscard]] std::vector<mailauth::SigningAlgorithm> keys_for_rotation(std::span<const KeyRow> keys,
                                                                        const RotationOptions& options);

}  // namespace relevo

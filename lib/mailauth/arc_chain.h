// The sets of ARC fields in a header section (RFC 8617 §4): found, ordered, read; nothing is verified here.
#pragma once

#include "lib/mail/message.h"
#include "lib/mailauth/signing_key.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

inline constexpr unsigned arc_instance_limit = 50;  // RFC 8617 §4.2.1
inline constexpr std::string_view arc_results_name = "ARC-Authentication-Results";
inline constexpr std::string_view arc_message_signature_name = "ARC-Message-Signature";
inline constexpr std::string_view arc_seal_name = "ARC-Seal";

enum class ChainValidation : std::uint8_t { none, pass, fail };  // cv=, RFC 8617 §4.4
[[nodiscard]] std::string_view name_of(ChainValidation validation);

// An ARC-Seal field (§4.1.3).
struct ArcSeal {
    std::string problem;  // for a person; "" if the seal can be checked
    ChainValidation validation = ChainValidation::fail;
    SigningAlgorithm algorithm = SigningAlgorithm::rsa_sha256;
    std::string domain;     // d=, A-labels
    std::string key_name;   // where the key record is
    std::string signature;  // b=, raw octets
    [[nodiscard]] static ArcSeal read(std::string_view field_value);
};

// The fields of one instance; they belong to the header that was read.
struct ArcSet {
    const mail::Field* results = nullptr;
    const mail::Field* message_signature = nullptr;
    const mail::Field* seal = nullptr;
};

struct ArcChain {
    std::vector<ArcSet> sets;       // of instance 1, 2, …; complete only without a problem
    std::vector<ArcSeal> seals;     // one for each set, only without a problem
    unsigned highest_instance = 0;  // that any field names, of those that are allowed
    bool has_ended = false;         // the newest seal says cv=fail: nobody may add to the chain (§5.1)
    std::string problem;            // with the structure (§5.2 steps 1 to 3), for a person; "" if there is none

    // `fields`: the header section from the top down, which must outlive the chain. Bounds: 50 instances, 256 KiB of
    // ARC fields; more is a problem.
    [[nodiscard]] static ArcChain read(std::span<const mail::Field> fields);
};

// The payload behind "i=1;" of an ARC-Authentication-Results field: what parse_authentication_results() reads. "" if
// there is no instance in front.
[[nodiscard]] std::string_view results_of_instance(std::string_view field_value);

// Appends a set as the seals of later instances are computed over it: its three fields, relaxed (§5.1.1).
void append_sealed_set(std::string& out, const ArcSet& set);

}  // namespace relevo::mailauth

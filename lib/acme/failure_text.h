// Why there is no certificate, and what to change: for the person who must act.
#pragma once

#include "lib/acme/issuance.h"

#include <string>

namespace relevo::acme {

// The same in both languages of Relevo. What programs and the authority said is in their words.
struct Explanation {
    std::string english, spanish;
};

// One paragraph: which name, which challenge, what to change, and what the authority said.
[[nodiscard]] Explanation explain(const Refusal& refusal, std::string_view name, ChallengeKind challenge,
                                  std::string_view authority);

}  // namespace relevo::acme

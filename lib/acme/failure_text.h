// Why there is no certificate, and what to change: for the person who must act.
#pragma once

#include "lib/acme/issuance.h"

#include <string>

namespace relevo::acme {

// One paragraph: which name, which challenge, what to change, and what the authority said.
[[nodiscard]] std::string explain(const Refusal& refusal, std::string_view name, ChallengeKind challenge,
                                  std::string_view authority);

}  // namespace relevo::acme

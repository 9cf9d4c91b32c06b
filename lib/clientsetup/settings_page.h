// The page that tells people what to type into their programs and devices, and what to paste into their servers' files.
#pragma once

#include "lib/clientsetup/offer.h"
#include "lib/mail/report.h"

#include <string>
#include <string_view>

namespace relevo::clientsetup {

inline constexpr std::string_view settings_path = "/settings";

// A whole HTML document, fit for printing: no script, nothing from elsewhere, no secret. It says the same to everybody.
[[nodiscard]] std::string settings_page(const Offer& offer, mail::Language language);

}  // namespace relevo::clientsetup

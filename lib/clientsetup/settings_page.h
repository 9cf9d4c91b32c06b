// The page that tells people what to type into their programs and devices, and what to paste into their servers' files.
#pragma once

#include "lib/clientsetup/offer.h"
#include "lib/mail/report.h"

#include <string>
#include <string_view>

namespace relevo::clientsetup {

inline constexpr std::string_view settings_path = "/settings";
inline constexpr std::string_view profile_path = "/settings/mail.mobileconfig";

// Where a device gets the profile of `address`, for a link or a QR code. `settings_url` of the offer.
[[nodiscard]] std::string profile_url(std::string_view settings_url, std::string_view address);

// Whether there are profiles for Apple's devices (mobileconfig.h), for some domain at least.
enum class Profiles : bool { none, offered };

// A whole HTML document, fit for printing: no script, nothing from elsewhere, no secret. It says the same to everybody.
// Where profiles are offered, a form asks for the address.
[[nodiscard]] std::string settings_page(const Offer& offer, mail::Language language,
                                        Profiles profiles = Profiles::none);

}  // namespace relevo::clientsetup

// The configuration file that Thunderbird and those who followed it ask for (draft-ietf-mailmaint-autoconfig).
#pragma once

#include "lib/clientsetup/offer.h"

#include <string>
#include <string_view>

namespace relevo::clientsetup {

// For addresses of `domain` (A-labels). The user name is %EMAILADDRESS%, which clients fill in: who asks has not said
// who they are, so nobody learns which logins there are. There is an outgoing server and no incoming one.
// "": no port of the offer may be told to programs.
[[nodiscard]] std::string autoconfig_document(const Offer& offer, std::string_view domain);

}  // namespace relevo::clientsetup

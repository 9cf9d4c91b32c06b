// The configuration file that Thunderbird and those who followed it ask for (draft-ietf-mailmaint-autoconfig).
#pragma once

#include "lib/clientsetup/mailboxes.h"
#include "lib/clientsetup/offer.h"

#include <span>
#include <string>
#include <string_view>

namespace relevo::clientsetup {

// For addresses of `domain` (A-labels). The user name is %EMAILADDRESS%, which clients fill in: who asks has not said
// who they are, so nobody learns which logins there are. Incoming servers are those of
// `mailboxes`; without any there is an outgoing server alone, which Thunderbird refuses.
// "": no port of the offer may be told to programs.
[[nodiscard]] std::string autoconfig_document(const Offer& offer, std::string_view domain,
                                              std::span<const MailboxServer> mailboxes);

}  // namespace relevo::clientsetup

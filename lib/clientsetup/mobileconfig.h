// A configuration profile for the Mail of iPhones, iPads and Macs (Apple's com.apple.mail.managed payload).
#pragma once

#include "lib/clientsetup/mailboxes.h"
#include "lib/clientsetup/offer.h"
#include "lib/mail/address.h"

#include <span>
#include <string>
#include <string_view>

namespace relevo::clientsetup {

inline constexpr std::string_view mobileconfig_type = "application/x-apple-aspen-config";

// The account of `address`, which is its login for both servers; the device asks for the passwords. Whoever installs it
// again for the same address replaces it: identifiers follow from host and address alone. Not signed yet.
// "": no port of the offer may be told to programs, or there are no mailboxes.
[[nodiscard]] std::string mobileconfig_document(const Offer& offer, std::span<const MailboxServer> mailboxes,
                                                const mail::Address& address);

}  // namespace relevo::clientsetup

// How others reach this server: what people type into their programs and browsers, as a configuration says it.
#pragma once

#include "app/configuration/configuration.h"
#include "lib/clientsetup/offer.h"

#include <boost/json/object.hpp>

#include <string>

namespace relevo {

// "https://mail.example.com", without a slash at its end; plain HTTP is for this machine alone and names its address.
// accounts.console_url comes first. "": no [[http]] listener serves the console.
[[nodiscard]] std::string console_url(const Configuration& configuration);

// What clients must be told to send through this server: host and ports that take mail with a login, or from known
// networks, STARTTLS before TLS before none, each port once; and where web pages are.
[[nodiscard]] clientsetup::Offer submission_offer(const Configuration& configuration);
// The same as the answer to `server.submission` in docs/control-protocol.md.
[[nodiscard]] boost::json::object submission_json(const Configuration& configuration);

}  // namespace relevo

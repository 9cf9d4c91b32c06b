// From the configuration file's words to the providers that people sign in by.
#pragma once

#include "app/configuration/configuration.h"
#include "core/sign_in/openid_sign_in.h"

#include <vector>

namespace relevo {

// None if the console has no address: a provider could not send anybody back.
[[nodiscard]] std::vector<OpenIdProvider> openid_providers(const Configuration& configuration);

}  // namespace relevo

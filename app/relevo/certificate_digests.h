// The certificates that our listeners show, as TLSA records refer to them.
#pragma once

#include "app/configuration/configuration.h"
#include "core/setup/domain_checks.h"

#include <vector>

namespace relevo {

// Of the files that the configuration names; those that cannot be read are left out.
[[nodiscard]] std::vector<setup::CertificateDigests> certificate_digests(const TlsSettings& tls);

}  // namespace relevo

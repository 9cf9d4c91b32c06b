// From the configuration file's words to what orders certificates.
#pragma once

#include "adapters/net/certificate.h"
#include "app/configuration/configuration.h"
#include "core/certificates/keeper.h"
#include "core/tenancy/directory.h"

#include <string>
#include <vector>

namespace relevo {

[[nodiscard]] KeeperOptions keeper_options(const AcmeSettings& settings);
// The names that should have a certificate: those of the file, or those that clients use and none of `others` covers.
[[nodiscard]] std::vector<std::string> acme_names(const Configuration& configuration, const Directory& directory,
                                                  const std::vector<net::CertificateSummary>& others);

[[nodiscard]] std::string acme_folder(const Configuration& configuration);
// Certificates of the folder that can be used now, that of the host name first; what is wrong with the others. Reads
// files.
struct KeptCertificates {
    std::vector<net::CertificateFiles> usable{};
    bool has_host_name = false;
    std::vector<std::string> problems{};
};
[[nodiscard]] KeptCertificates kept_certificates(const Configuration& configuration);
[[nodiscard]] net::CertificateFiles self_signed_files(const Configuration& configuration);

}  // namespace relevo

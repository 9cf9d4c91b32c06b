// `relevo check`: everything on this machine that could keep mail from being relayed. What the network shows is asked
// of the server (check.server), or looked at by this process when none runs.
#pragma once

#include "app/configuration/configuration.h"
#include "core/setup/check_item.h"
#include "lib/base/result.h"

#include <string>
#include <vector>

namespace relevo::cli {

// What this process can see. `configuration` as load_configuration() gave it: its failure is the first finding, and the
// only one.
[[nodiscard]] std::vector<setup::CheckItem> check_machine(const std::string& path,
                                                          const Result<Configuration>& configuration);

// The single checks; each touches only what it names.
[[nodiscard]] setup::CheckItem check_host_name(const Configuration& configuration);
[[nodiscard]] std::vector<setup::CheckItem> check_ports(const Configuration& configuration);
// This machine has every address that a source without a proxy sends from.
[[nodiscard]] std::vector<setup::CheckItem> check_source_addresses(const Configuration& configuration);
// Writes a small file and flushes it to the disk, as every accepted message is.
[[nodiscard]] setup::CheckItem check_data_folder(const std::string& folder);
[[nodiscard]] setup::CheckItem check_disk_space(const Configuration& configuration);
[[nodiscard]] setup::CheckItem check_descriptors(const Configuration& configuration);
// Whether the kernel says that something keeps its clock right (adjtimex).
[[nodiscard]] setup::CheckItem check_clock();
// Certificate and key can be read, belong together, are valid today and name this server.
[[nodiscard]] setup::CheckItem check_certificate(const CertificateSettings& pair, const std::string& host_name);

}  // namespace relevo::cli

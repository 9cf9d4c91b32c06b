// `relevo check`: everything on this machine that could keep mail from being relayed.
#pragma once

#include "app/cli/commands.h"
#include "lib/base/result.h"

#include <boost/json/fwd.hpp>

#include <string>
#include <vector>

namespace relevo::cli {

// `configuration` as load_configuration() gave it: its failure is the first finding, and the only one.
[[nodiscard]] std::vector<CheckItem> check_everything(const std::string& path,
                                                      const Result<Configuration>& configuration, Commands& commands);

// The single checks; each touches only what it names.
[[nodiscard]] CheckItem check_host_name(const Configuration& configuration);
[[nodiscard]] std::vector<CheckItem> check_ports(const Configuration& configuration);
// Writes a small file and flushes it to the disk, as every accepted message is.
[[nodiscard]] CheckItem check_data_folder(const std::string& folder);
[[nodiscard]] CheckItem check_disk_space(const Configuration& configuration);
[[nodiscard]] CheckItem check_descriptors(const Configuration& configuration);
// Certificate and key can be read, belong together and are valid today.
[[nodiscard]] CheckItem check_certificate(const CertificateSettings& pair);

[[nodiscard]] bool has_failures(const std::vector<CheckItem>& items);
[[nodiscard]] std::string items_as_text(const std::vector<CheckItem>& items);
[[nodiscard]] boost::json::object items_as_json(const std::vector<CheckItem>& items);

}  // namespace relevo::cli

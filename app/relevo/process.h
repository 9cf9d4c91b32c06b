// What the command line asks of this process: serve, offline work on the store, the sink, a test mail, look-ups.
#pragma once

#include "app/cli/commands.h"

#include <string>

namespace relevo {

class Process final : public cli::Commands {
 public:
    int serve(const Configuration& configuration, const std::string& configuration_path) override;
    boost::json::object handle_offline(const Configuration& configuration, const boost::json::object& request) override;
    int sink(const cli::SinkOptions& options) override;
    int send_test(const cli::SendTestOptions& options) override;
    Result<cli::LanTrust> look_at_relay(const cli::LanRelay& relay) override;
    Result<void> log_in_at_relay(const cli::LanRelay& relay, cli::LanTrust trust, const std::string& login,
                                 const std::string& password) override;
    int look_up(const cli::LookupOptions& options) override;
    int keep_store(const cli::StoreOptions& options, const Configuration* configuration) override;
};

}  // namespace relevo

// Shows the answers to challenges: on the web listeners, in TLS handshakes, or by the operator's program.
#pragma once

#include "adapters/background/command.h"
#include "adapters/net/tls_challenges.h"
#include "app/configuration/configuration.h"
#include "core/certificates/challenge_board.h"
#include "core/certificates/challenge_publisher.h"
#include "core/ports/background.h"
#include "core/ports/log.h"
#include "core/ports/resolver.h"

#include <functional>
#include <memory>

namespace relevo {

class AcmePublisher final : public ChallengePublisher {
 public:
    struct Ports {
        ChallengeBoard& board;
        net::TlsChallenges& tls;
        Background& background;
        CommandRunner& commands;
        Shard& shard;
        Resolver& resolver;
        ZoneServers& zone_servers;
        Log& log;
        std::function<std::shared_ptr<const Configuration>()> configuration;
        bool may_run_programs;  // else that would end the process (system_calls.h)
    };
    explicit AcmePublisher(Ports ports) : ports_(std::move(ports)) {}

    Task<Result<void>> publish(acme::Publish challenge) override;
    Task<> withdraw(acme::Publish challenge) override;

 private:
    Task<Result<void>> call_hook(std::string_view action, acme::Publish challenge);
    // Until all name servers have what the hook has set. Errors: timeout – some say that they have not.
    Task<Result<void>> wait_for_name_servers(acme::Publish challenge);
    Ports ports_;
};

}  // namespace relevo

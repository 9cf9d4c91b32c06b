#include "app/relevo/acme_publisher.h"

#include <fmt/format.h>

namespace relevo {

Task<Result<void>> AcmePublisher::publish(acme::Publish challenge) {
    switch (challenge.kind) {
        case acme::ChallengeKind::http_01: ports_.board.put(challenge.token, challenge.key_authorization); break;
        case acme::ChallengeKind::tls_alpn_01: {
            RELEVO_CO_TRY(const acme::CertificatePair pair,
                          acme::challenge_certificate(challenge.name, challenge.key_authorization, WallClock::now()));
            RELEVO_CO_CHECK(ports_.tls.put(challenge.name, pair.certificate, pair.key));
            break;
        }
        case acme::ChallengeKind::dns_01:
            RELEVO_CO_CHECK(co_await call_hook("add", std::move(challenge)));
            co_await sleep_for(ports_.configuration()->acme.dns_wait);
            break;
    }
    co_return Result<void>();
}

Task<> AcmePublisher::withdraw(acme::Publish challenge) {
    ports_.board.remove(challenge.token);
    ports_.tls.remove(challenge.name);
    if (challenge.kind != acme::ChallengeKind::dns_01) co_return;
    const std::string name = challenge.name;
    if (const auto removed = co_await call_hook("remove", std::move(challenge)); !removed.has_value())
        ports_.log.warning("acme.hook_failed", {{"name", name}, {"problem", removed.error().detail}});
}

// RFC 8555 §8.4: the record is below the name.
Task<Result<void>> AcmePublisher::call_hook(std::string_view action, acme::Publish challenge) {
    const auto configuration = ports_.configuration();
    if (!ports_.may_run_programs)
        co_return failure(ErrorKind::refused,
                          "acme.hook was set while the server ran, which may not run programs: start the server anew");
    CommandRequest request{.words = {configuration->acme.hook, std::string(action), "_acme-challenge." + challenge.name,
                                     acme::dns_challenge_value(challenge.key_authorization)},
                           .time_limit = configuration->acme.hook_time_limit};
    const auto done = co_await in_background<Result<void>>(
        ports_.background, [request, commands = &ports_.commands] { return commands->run(request); });
    if (!done.has_value())
        co_return failure(done.error().kind, fmt::format("the program in acme.hook failed: {}", done.error().detail));
    co_return Result<void>();
}

}  // namespace relevo

#include "app/relevo/acme_publisher.h"

#include "core/setup/publication.h"
#include "lib/base/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace relevo {
namespace {

// RFC 8555 §8.4: the record is below the name.
std::string record_name(const acme::Publish& challenge) { return "_acme-challenge." + challenge.name; }

std::string joined(const std::vector<std::string>& servers) {
    return printable(fmt::format("{}", fmt::join(servers, ", ")), 1000);
}

}  // namespace

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
            RELEVO_CO_CHECK(co_await call_hook("add", challenge));
            RELEVO_CO_CHECK(co_await wait_for_name_servers(std::move(challenge)));
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

Task<Result<void>> AcmePublisher::call_hook(std::string_view action, acme::Publish challenge) {
    const auto configuration = ports_.configuration();
    if (!ports_.may_run_programs)
        co_return failure(ErrorKind::refused,
                          "acme.hook was set while the server ran, which may not run programs: start the server anew");
    CommandRequest request{.words = {configuration->acme.hook, std::string(action), record_name(challenge),
                                     acme::dns_challenge_value(challenge.key_authorization)},
                           .time_limit = configuration->acme.hook_time_limit};
    const auto done = co_await in_background<Result<void>>(
        ports_.background, [request, commands = &ports_.commands] { return commands->run(request); });
    if (!done.has_value())
        co_return failure(done.error().kind, fmt::format("the program in acme.hook failed: {}", done.error().detail));
    co_return Result<void>();
}

// A server that cannot be asked is no reason to give up: from where the authority looks, it may answer, or another one
// in its place. One that says that there is no such record costs the order: the authority counts a failure as one.
Task<Result<void>> AcmePublisher::wait_for_name_servers(acme::Publish challenge) {
    const auto configuration = ports_.configuration();
    const std::chrono::seconds wait = configuration->acme.dns_wait;
    if (wait.count() == 0) co_return Result<void>();
    const setup::Publication found = co_await setup::wait_for_publication(
        ports_.shard, ports_.resolver, ports_.zone_servers,
        {.name = record_name(challenge), .value = acme::dns_challenge_value(challenge.key_authorization)},
        {.allow_private_addresses = configuration->delivery.allow_private_addresses, .deadline = Clock::now() + wait});
    if (!found.lacking.empty())
        co_return failure(
            ErrorKind::timeout,
            fmt::format("{} s after acme.hook set it, the TXT record {} is not at {}: the hook must reach all name "
                        "servers of the zone, or they need more time with acme.dns_wait",
                        wait.count(), printable(found.name), joined(found.lacking)));
    if (!found.silent.empty())
        ports_.log.warning("acme.servers_silent",
                           {{"name", printable(found.name)},
                            {"servers", joined(found.silent)},
                            {"consequence", "the authority is asked without knowing what they publish"}});
    co_return Result<void>();
}

}  // namespace relevo

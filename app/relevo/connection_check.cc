#include "app/relevo/connection_check.h"

#include "adapters/net/dialer.h"
#include "app/relevo/host_address.h"
#include "app/relevo/json_setup.h"
#include "core/setup/connection_trial.h"
#include "core/setup/parallel.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

using setup::ConnectionFinding;
using setup::ConnectionSecurity;
using setup::ConnectionState;

constexpr std::chrono::seconds time_of_attempt{10};
// Those that mail services offer, the best ones first.
constexpr auto usual_ports = std::to_array<std::uint16_t>({587, 465, 2525, 25, 125});
constexpr auto securities =
    std::to_array({ConnectionSecurity::starttls, ConnectionSecurity::tls, ConnectionSecurity::none});

Task<> try_all(Shard& shard, Dialer& dialer, dns::IpAddress address, std::string host,
               std::vector<ConnectionFinding>& found) {
    std::vector<Task<>> attempts;
    const Deadline deadline = Clock::now() + time_of_attempt;
    for (ConnectionFinding& finding : found)
        attempts.push_back(setup::into(
            finding, setup::try_connection(dialer, {address, finding.port}, host, finding.security, deadline)));
    co_await setup::run_together(shard, std::move(attempts));
    shard.stop();
}

// The first that works, in the order of the attempts: encrypted ones come first.
const ConnectionFinding* best_of(const std::vector<ConnectionFinding>& found) {
    for (const ConnectionState state : {ConnectionState::works, ConnectionState::works_in_clear}) {
        const auto best = std::ranges::find(found, state, &ConnectionFinding::state);
        if (best != found.end()) return &*best;
    }
    return nullptr;
}

lookups::Report report_of(const std::string& host, const dns::IpAddress& address,
                          const std::vector<ConnectionFinding>& found, mail::Language language) {
    const auto in = [&](setup::Words words) { return words.in(language); };
    lookups::Findings findings;
    boost::json::array attempts;
    findings.page.heading(fmt::format("{} ({})", host, address.text()));
    for (const ConnectionFinding& finding : found) {
        attempts.emplace_back(json_of(finding, language));
        std::string line =
            fmt::format("{:>5}  {:<14} {}", finding.port, in(words_of(finding.security)), in(meaning_of(finding)));
        if (!finding.detail.empty()) line += fmt::format(" ({})", finding.detail);
        findings.page.paragraph(line, 0, 22);
    }
    findings.page.blank_line();
    const ConnectionFinding* best = best_of(found);
    if (best == nullptr) {
        findings.problem(in({"no way to log in was found from this machine",
                             "desde esta máquina no se ha encontrado ninguna forma de iniciar sesión"}));
    } else {
        findings.page.paragraph(
            fmt::format(fmt::runtime(in({"Enter in the program: server {}, port {}, encryption {}, normal password.",
                                         "Ponga en el programa: servidor {}, puerto {}, cifrado {}, contraseña "
                                         "normal."})),
                        host, best->port, in(words_of(best->security))));
    }
    findings.json["host"] = lookups::plain(host);
    findings.json["address"] = address.text();
    findings.json["attempts"] = std::move(attempts);
    return std::move(findings).take();
}

}  // namespace

Result<lookups::Report> check_connection(const cli::LookupOptions& options) {
    RELEVO_TRY(const dns::IpAddress address, resolve_host(options.subject));
    RELEVO_TRY(auto tls, net::TlsClientContext::make());
    std::vector<ConnectionFinding> found;
    const std::vector<std::uint16_t> ports =
        options.ports.empty() ? std::vector<std::uint16_t>(usual_ports.begin(), usual_ports.end()) : options.ports;
    for (const std::uint16_t port : ports)
        for (const ConnectionSecurity security : securities) found.push_back({.port = port, .security = security});
    Shard shard(0);
    net::SocketDialer dialer(net::ShardSockets::make(shard), tls);
    shard.spawn(try_all(shard, dialer, address, options.subject, found));
    shard.run();
    return report_of(options.subject, address, found, options.language);
}

}  // namespace relevo

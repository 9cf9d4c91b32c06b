// Ports, and what is given up once they are open.
#include "app/relevo/options.h"
#include "app/relevo/privileges.h"
#include "app/relevo/server.h"
#include "app/relevo/system_calls.h"

#include <fmt/format.h>

#include <ranges>

namespace relevo {

Result<std::unique_ptr<net::Listener>> Server::open_listener(std::string_view section, net::ListenerOptions options,
                                                             std::size_t shards) {
    std::vector<std::shared_ptr<net::ShardSockets>> sockets;
    for (const auto& parts : shards_ | std::views::take(shards)) sockets.push_back(parts->sockets);
    const Endpoint configured = options.endpoint;
    options.inherited = manager_.take(configured);
    const bool is_fresh = options.inherited.empty();
    auto listener = net::Listener::open(std::move(sockets), std::move(options));
    if (!listener.has_value()) {
        const std::string_view advice =
            listener.error().kind == ErrorKind::conflict
                ? ". Two programs cannot share a port: stop the other one, or give Relevo another address or port"
                : "";
        return failure(listener.error().kind, fmt::format("{}: {}{}", section, listener.error().detail, advice));
    }
    if (is_fresh && configured.port != 0) manager_.keep(configured, (*listener)->descriptors());
    return listener;
}

Result<void> Server::open_listeners() {
    for (const ListenerSettings& settings : started_with_->listeners) {
        const ListenerOptions* options = keep(listener_options(*started_with_, settings));
        for (const Endpoint& endpoint : settings.address) {
            net::ListenerOptions net_options;
            net_options.endpoint = endpoint;
            net_options.tls = settings.tls == ListenerTls::none ? nullptr : tls_server_;
            net_options.connection_limit =
                settings.max_connections + 100;  // reception answers with the reason; this is the last resort
            net_options.log = log_.get();
            auto parts = std::make_unique<ListenerParts>();
            parts->name = settings.name;
            parts->options = options;
            RELEVO_TRY(parts->listener,
                       open_listener("[[listener]] " + settings.name, std::move(net_options), shards_.size()));
            listeners_.push_back(std::move(parts));
        }
    }
    return {};
}

// All ports are open: from here on nothing that root can do is needed, nor anything that a mail relay does not.
bool Server::may_run_programs() const {
    return !started_with_->server.filter_system_calls || !started_with_->acme.hook.empty();
}

Result<void> Server::confine() {
    for (const std::string& address : manager_.close_the_rest())
        log_->info("listener.not_configured", {{"address", address}});
    RELEVO_CHECK(drop_privileges(started_with_->server));
    if (started_with_->server.filter_system_calls)
        RELEVO_CHECK(filter_system_calls(may_run_programs() ? ChildPrograms::allowed : ChildPrograms::forbidden));
    log_->start();
    return {};
}

}  // namespace relevo

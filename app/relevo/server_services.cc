// The server's side doors: control socket, metrics, status.
#include "app/relevo/json_arguments.h"
#include "app/relevo/server.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <unistd.h>

namespace relevo {
namespace {

Task<net::HttpResponse> answer_http(const telemetry::MetricsRegistry& metrics, net::HttpRequest request) {
    net::HttpResponse response;
    if (request.method != "GET" && request.method != "HEAD") {
        response.status = 405;
        response.body = "only GET is answered here\n";
    } else if (request.target == "/metrics") {
        response.content_type = telemetry::metrics_content_type;
        response.body = metrics.render();
    } else if (request.target == "/healthz") {
        response.body = "ok\n";
    } else {
        response.status = 404;
        response.body = "here are /metrics and /healthz\n";
    }
    co_return response;
}

}  // namespace

Result<void> Server::open_metrics() {
    if (configuration_.metrics.address.empty()) return {};
    std::vector<std::shared_ptr<net::ShardSockets>> sockets{shards_.front()->sockets};
    for (const Endpoint& endpoint : configuration_.metrics.address) {
        net::ListenerOptions options;
        options.endpoint = endpoint;
        options.refusal.clear();
        options.connection_limit = 100;
        options.log = log_.get();
        RELEVO_TRY(auto listener, net::Listener::open(sockets, std::move(options)));
        metrics_listeners_.push_back(std::move(listener));
    }
    http_ = std::make_unique<net::HttpServer>(net::HttpServerOptions{
        .handler = [this](net::HttpRequest request) { return answer_http(metrics_, std::move(request)); }});
    return {};
}

Result<void> Server::open_control() {
    control_ = std::make_unique<Control>(
        ControlContext{.store = *store_,
                       .default_language = configuration_.server.language,
                       .directory = [this] { return access_->directory.load(); },
                       .refresh_directory = [this] { return refresh_directory(); },
                       .routes = [this] { return routes_.load(); },
                       .dispatcher = &dispatcher_,
                       .status = [this] { return status(); },
                       .reload = [this] { return reload(); },
                       .signing = {.vault = [this] -> Result<KeyVault*> { return &signing_->vault(); },
                                   .maker = &signing_->maker(),
                                   .keeper = keeper_.get(),
                                   .rotation = [this] { return keeper_->options().rotation; },
                                   .service_domain = service_domain(configuration_.signing)}});
    RELEVO_TRY(control_listener_, net::ControlListener::open(shards_.front()->sockets,
                                                             {.path = configuration_.control_socket(),
                                                              .mode = 0660,
                                                              .handler = [this](net::ControlPeer, std::string request) {
                                                                  return control_->perform(std::move(request));
                                                              }}));
    return {};
}

boost::json::object Server::status() {
    boost::json::array listeners;
    for (const auto& parts : listeners_)
        listeners.emplace_back(boost::json::object{{"name", parts->name},
                                                   {"address", parts->listener->endpoint().text()},
                                                   {"connections", parts->listener->connections()}});
    return {{"version", RELEVO_VERSION},
            {"host_name", configuration_.server.host_name},
            {"started_at", json_time(started_at_)},
            {"process", ::getpid()},
            {"shards", shards_.size()},
            {"listeners", std::move(listeners)},
            {"draining", draining_.load()}};
}

}  // namespace relevo

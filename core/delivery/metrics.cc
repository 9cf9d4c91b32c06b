#include "core/delivery/engine.h"

#include <array>

namespace relevo {
namespace {

constexpr std::array delivery_bounds{0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0, 86400.0};

}  // namespace

DeliveryMetrics::DeliveryMetrics(Metrics& metrics)
    : delivered(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                                {{"outcome", "delivered"}})),
      deferred(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                               {{"outcome", "deferred"}})),
      failed(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                             {{"outcome", "failed"}})),
      expired(metrics.counter("relevo_recipients_total", "Recipients whose delivery ended or was put off, by outcome",
                              {{"outcome", "expired"}})),
      connections_opened(metrics.counter("relevo_connections_out_total", "Connections to mail servers, by result",
                                         {{"result", "opened"}})),
      connections_failed(metrics.counter("relevo_connections_out_total", "Connections to mail servers, by result",
                                         {{"result", "failed"}})),
      reports(metrics.counter("relevo_reports_total", "Delivery status notifications made")),
      dane_met(metrics.counter("relevo_transport_demands_total", "Mail servers held to a demand for TLS, by result",
                               {{"policy", "dane"}, {"result", "met"}})),
      dane_unmet(metrics.counter("relevo_transport_demands_total", "Mail servers held to a demand for TLS, by result",
                                 {{"policy", "dane"}, {"result", "unmet"}})),
      mta_sts_met(metrics.counter("relevo_transport_demands_total", "Mail servers held to a demand for TLS, by result",
                                  {{"policy", "mta-sts"}, {"result", "met"}})),
      mta_sts_unmet(metrics.counter("relevo_transport_demands_total",
                                    "Mail servers held to a demand for TLS, by result",
                                    {{"policy", "mta-sts"}, {"result", "unmet"}})),
      connections(metrics.gauge("relevo_connections_out", "Open connections to mail servers")),
      queue(metrics.gauge("relevo_queue_recipients", "Recipients that wait or are being delivered")),
      delivery_seconds(
          metrics.histogram("relevo_delivery_seconds", "Time from acceptance to delivery", delivery_bounds)),
      metrics_(metrics) {
    for (const bounces::BounceClass kind : bounces::all_bounce_classes())
        replies_.push_back(&metrics.counter("relevo_delivery_replies_total",
                                            "Recipients that were refused, put off or not reached, by reason",
                                            {{"class", name_of(kind)}}));
}

DeliveryMetrics::OfSource DeliveryMetrics::of_source(std::string_view source) {
    const auto counter = [&](std::string_view outcome) -> Counter& {
        return metrics_.counter("relevo_source_recipients_total",
                                "Recipients of attempts over a connection, by source and outcome",
                                {{"source", source}, {"outcome", outcome}});
    };
    return {.delivered = counter("delivered"), .deferred = counter("deferred"), .failed = counter("failed")};
}

}  // namespace relevo

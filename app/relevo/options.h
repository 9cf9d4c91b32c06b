// From the configuration file's words to what each part of the relay is told.
#pragma once

#include "adapters/resolver/unbound_resolver.h"
#include "app/configuration/configuration.h"
#include "core/delivery/engine.h"
#include "core/feedback/conduct.h"
#include "core/feedback/intake.h"
#include "core/feedback/suppression_keeper.h"
#include "core/reception/listener_options.h"
#include "core/reporting/report_options.h"
#include "core/routing/route.h"
#include "core/statistics/counter_book.h"
#include "core/tenancy/directory.h"
#include "core/tracking/options.h"
#include "core/verification/verification.h"
#include "core/webhooks/webhooks.h"

#include <memory>
#include <vector>

namespace relevo {

[[nodiscard]] ListenerOptions listener_options(const Configuration& configuration, const ListenerSettings& listener);
[[nodiscard]] DeliveryOptions delivery_options(const Configuration& configuration);
[[nodiscard]] resolver::UnboundOptions resolver_options(const Configuration& configuration);
[[nodiscard]] std::shared_ptr<const VerificationOptions> verification_options(const Configuration& configuration);
[[nodiscard]] std::shared_ptr<const ReportOptions> reporting_options(const Configuration& configuration);
[[nodiscard]] ReturnPathOptions return_path_options(const FeedbackSettings& settings);
[[nodiscard]] WebhookOptions webhook_options(const WebhookSettings& settings);
[[nodiscard]] StatisticsKeeping statistics_keeping(const StatisticsSettings& settings);
[[nodiscard]] TrackingOptions tracking_options(const TrackingSettings& settings,
                                               std::shared_ptr<const tracking::MachineRules> rules);
[[nodiscard]] std::shared_ptr<const FeedbackOptions> feedback_options(const FeedbackSettings& settings);
[[nodiscard]] std::shared_ptr<const ConductOptions> conduct_options(const ConductSettings& settings);
[[nodiscard]] std::shared_ptr<const SuppressionOptions> suppression_options(const SuppressionSettings& settings);
// Whether reports about `domain` (A-labels, lower case) concern this server: a domain of a tenant or one above it,
// whose policy speaks for it; the service's own; one whose mail is taken here.
[[nodiscard]] bool is_reported_domain(std::string_view domain, const Configuration& configuration,
                                      const Directory& directory, const RouteTable& routes);
// Tenants are named in the file; one that the directory does not know (yet) makes its rule fit nobody.
[[nodiscard]] std::shared_ptr<const RouteTable> route_table(const Configuration& configuration,
                                                            const Directory& directory);
// Domains whose mail is taken from strangers: those that a route other than an MX one names.
[[nodiscard]] bool is_inbound(const RouteTable& routes, std::string_view domain);

}  // namespace relevo

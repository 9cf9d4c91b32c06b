// Why each record matters, for the person who must publish it. Part of plan.cc.
#pragma once

#include "core/setup/plan.h"

namespace relevo::setup {

[[nodiscard]] Words why_ownership();
[[nodiscard]] Words why_signing_key(const SendingKey& key);
[[nodiscard]] Words why_sending_hosts();
[[nodiscard]] Words why_return_path(dns::RecordType type);
[[nodiscard]] Words why_policy(const std::string& domain);
[[nodiscard]] Words why_incoming_mail();
[[nodiscard]] Words why_transport_policy(const std::string& mail_exchanger);
[[nodiscard]] Words why_transport_reports();
[[nodiscard]] Words why_tracking();
[[nodiscard]] Words why_clients(std::string_view label);  // "autoconfig", "_submission._tcp", …
[[nodiscard]] Words why_service(Purpose used_by);

// What sending through us can and cannot do to the customer's own domain.
[[nodiscard]] std::vector<Words> advice_about_risk(const DomainFacts& facts);

}  // namespace relevo::setup

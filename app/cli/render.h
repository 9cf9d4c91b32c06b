// Results of requests (docs/control-protocol.md) as text for people.
#pragma once

#include "lib/mail/report.h"

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>

namespace relevo::cli {

// `request` as in CommandSpec. Members that are missing or of another type show as "-": an older server may answer.
[[nodiscard]] std::string render(std::string_view request, const boost::json::value& result);

// The timeline of `message show`.
[[nodiscard]] std::string render_message(const boost::json::value& message);
// A domain that was added, with what is to be published for it.
[[nodiscard]] std::string render_domain(const boost::json::value& domain);
// `domain verify` and `dkim …`.
[[nodiscard]] std::string render_signing(std::string_view request, const boost::json::value& result);
// `reports …`.
[[nodiscard]] std::string render_reports(std::string_view request, const boost::json::value& result);
// `lan …`.
[[nodiscard]] std::string render_lan(std::string_view request, const boost::json::value& result);
// `stats …`.
[[nodiscard]] std::string render_statistics(std::string_view request, const boost::json::value& result);
// `message list`.
[[nodiscard]] std::string render_events(const boost::json::value& result);
[[nodiscard]] std::string render_messages(const boost::json::value& result);
// `erase person`.
[[nodiscard]] std::string render_erasure(const boost::json::value& result);
// `suppression …`.
[[nodiscard]] std::string render_suppression(std::string_view request, const boost::json::value& result);
// `certificate …`.
[[nodiscard]] std::string render_certificates(std::string_view request, const boost::json::value& result);
// `credential failures`.
[[nodiscard]] std::string render_login_failures(const boost::json::value& result);
// `webhook …`.
[[nodiscard]] std::string render_webhooks(std::string_view request, const boost::json::value& result);
// `user …`, `key …`, `session …`, `audit …`.
[[nodiscard]] std::string render_accounts(std::string_view request, const boost::json::value& result);
// `plan …`.
[[nodiscard]] std::string render_plans(std::string_view request, const boost::json::value& result);
// `source …`.
[[nodiscard]] std::string render_sources(std::string_view request, const boost::json::value& result);
// `site …` and `queue site`.
[[nodiscard]] std::string render_sites(std::string_view request, const boost::json::value& result);
// One page of `top`: rates come from two answers of server.pulse that are `seconds` apart.
[[nodiscard]] std::string render_pulse(const boost::json::value& before, const boost::json::value& now, double seconds);
// Parts of `queue …`.
[[nodiscard]] std::string render_queue(std::string_view request, const boost::json::value& result);

// Findings as check.server and check.domain give them, by group, and how many stand how.
[[nodiscard]] std::string render_items(const boost::json::array& items, mail::Language language);
// `settings`: what to type into mail programs.
[[nodiscard]] std::string render_submission(const boost::json::value& submission);
// The records of `domain.dns`, each with what to do.
[[nodiscard]] std::string render_plan(const boost::json::value& plan);

}  // namespace relevo::cli

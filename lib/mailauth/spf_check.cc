#include "lib/mailauth/spf_check.h"

#include "lib/base/text.h"
#include "lib/mail/address.h"
#include "lib/mailauth/spf_evaluation.h"

#include <fmt/format.h>

namespace relevo::mailauth {
namespace {

// U-labels become A-labels; what is no domain of an address (names with other characters may still have a record) stays
// as it is, in lower case.
std::string asked_domain(std::string_view domain) {
    const auto ascii = mail::to_ascii_domain(domain);
    return ascii ? *ascii : to_lower(domain);
}

}  // namespace

dns::Inquiry<SpfVerdict> check_spf(SpfQuery query) {
    SpfVerdict verdict;
    // "When the reverse-path is null, this document defines the "MAIL FROM" identity to be the mailbox composed of the
    // local-part "postmaster" and the "HELO" identity" (§2.4); without a local part it is postmaster's (§4.3).
    const bool uses_helo = query.identity == SpfIdentity::helo || query.mail_from.empty();
    verdict.identity = uses_helo ? SpfIdentity::helo : SpfIdentity::mail_from;
    const std::size_t at = uses_helo ? std::string::npos : query.mail_from.rfind('@');
    const std::string_view given = uses_helo                 ? std::string_view(query.helo)
                                   : at == std::string::npos ? std::string_view(query.mail_from)
                                                             : std::string_view(query.mail_from).substr(at + 1);
    verdict.domain = asked_domain(given);
    const bool has_local_part = at != std::string::npos && at > 0;
    verdict.sender =
        fmt::format("{}@{}", has_local_part ? query.mail_from.substr(0, at) : "postmaster", verdict.domain);

    SpfEvaluation evaluation(query, verdict);
    SpfOutcome outcome;
    outcome.domain = verdict.domain;
    if (given.starts_with('[') || (uses_helo && dns::IpAddress::parse(given))) {
        outcome.reason = fmt::format("\"{}\" is an address, not a domain", printable(given, 120));
    } else {
        outcome = co_await evaluation.check_host(verdict.domain, 0, query.record);
    }
    verdict.result = outcome.result;
    verdict.mechanism = std::move(outcome.mechanism);
    verdict.reason = std::move(outcome.reason);
    if (verdict.result == SpfResult::fail && outcome.explanation)
        verdict.explanation = co_await evaluation.explain(std::move(outcome.domain), *std::move(outcome.explanation));
    co_return verdict;
}

}  // namespace relevo::mailauth

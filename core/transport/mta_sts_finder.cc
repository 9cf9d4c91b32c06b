#include "core/transport/mta_sts_finder.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace relevo {
namespace {

using tlspolicy::MtaStsMode;
using tlspolicy::MtaStsPolicy;

StsFinding in_force(const std::optional<KnownPolicy>& known, std::optional<StsFailure> failure = std::nullopt) {
    if (!known) return {.policy = nullptr, .failure = std::move(failure)};
    return {.policy = known->policy->mode != MtaStsMode::none ? known->policy : nullptr, .failure = std::nullopt};
}

// RFC 8460 §4.3.2.2.
StsFailure failure_of(Error error) {
    const bool is_unreadable = error.kind == ErrorKind::invalid || error.kind == ErrorKind::limit;
    return {.result = error.kind == ErrorKind::refused ? TlsResult::sts_webpki_invalid
                      : is_unreadable                  ? TlsResult::sts_policy_invalid
                                                       : TlsResult::sts_policy_fetch_error,
            .problem = std::move(error.detail)};
}

// §3.2: text/plain, whatever its parameters.
bool is_plain_text(std::string_view content_type) {
    return equals_ignoring_case(trimmed(content_type.substr(0, content_type.find(';'))), "text/plain");
}

}  // namespace

Task<StsFinding> MtaStsFinder::policy_of(std::string domain) {
    const auto now = WallClock::now();
    auto known = ports_.cache.find(domain, now);
    const auto answer =
        co_await ports_.resolver.query("_mta-sts." + domain, dns::RecordType::txt, Clock::now() + options_.dns_time);
    if (!answer.has_value()) co_return in_force(known);
    const auto record = tlspolicy::choose_mta_sts_record(answer->texts);
    if (!record.has_value()) co_return in_force(known);
    const auto fresh_for = known ? std::min<std::chrono::seconds>(options_.refresh_after, known->policy->max_age / 2)
                                 : std::chrono::seconds(0);
    const bool is_current = known && known->record_id == record->id && now < known->fetched_at + fresh_for;
    if (is_current) co_return in_force(known);
    if (auto failure = ports_.cache.put_off_for(domain, now)) co_return in_force(known, std::move(failure));
    if (const auto under_way = fetches_.find(domain); under_way != fetches_.end()) {
        const auto fetch = under_way->second;
        while (!fetch->done) co_await fetch->ended.wait();
    } else {
        co_await fetch_once(domain, record->id);
    }
    co_return in_force(ports_.cache.find(domain, WallClock::now()), ports_.cache.put_off_for(domain, now));
}

Task<> MtaStsFinder::fetch_once(std::string domain, std::string record_id) {
    const auto fetch_state = std::make_shared<Fetch>(ports_.shard);
    fetches_.emplace(domain, fetch_state);
    auto fetched = co_await fetch(domain, std::move(record_id));
    if (fetched.has_value()) {
        co_await remember(domain, *std::move(fetched));
    } else {
        ports_.log.warning("mta_sts.fetch_failed", {{"domain", domain}, {"problem", fetched.error().detail}});
        ports_.cache.put_off(domain, WallClock::now() + options_.failed_fetch_pause,
                             failure_of(std::move(fetched).error()));
    }
    fetches_.erase(domain);
    fetch_state->done = true;
    fetch_state->ended.notify_all();
}

Task<Result<KnownPolicy>> MtaStsFinder::fetch(std::string domain, std::string record_id) {
    PageRequest request{.host = "mta-sts." + domain,
                        .path = "/.well-known/mta-sts.txt",
                        .addresses = {},
                        .time_limit = options_.fetch_time};
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        RELEVO_CO_TRY(const dns::Answer answer,
                      co_await ports_.resolver.query(request.host, type, Clock::now() + options_.dns_time));
        std::ranges::copy_if(
            answer.addresses, std::back_inserter(request.addresses),
            [&](const dns::IpAddress& address) { return options_.allow_private_addresses || !address.is_special(); });
    }
    if (request.addresses.empty())
        co_return failure(ErrorKind::not_found, fmt::format("{} has no public address", request.host));
    RELEVO_CO_TRY(Page page, co_await ports_.pages.fetch(std::move(request)));
    if (page.status != 200)
        co_return failure(ErrorKind::not_found, fmt::format("the web server answers with status {}", page.status));
    if (!is_plain_text(page.content_type))
        co_return failure(ErrorKind::invalid, fmt::format("the policy is of type \"{}\", not text/plain",
                                                          printable(page.content_type, 60)));
    RELEVO_CO_TRY(MtaStsPolicy policy, tlspolicy::parse_mta_sts_policy(page.body));
    co_return KnownPolicy{.record_id = std::move(record_id),
                          .file = std::move(page.body),
                          .policy = std::make_shared<const MtaStsPolicy>(std::move(policy)),
                          .fetched_at = WallClock::now()};
}

// Mail goes on even if it cannot be written down: then it is fetched again after the next start.
Task<> MtaStsFinder::remember(std::string domain, KnownPolicy policy) {
    ports_.log.info("mta_sts.policy",
                    {{"domain", domain},
                     {"mode", tlspolicy::name_of(policy.policy->mode)},
                     {"mx", fmt::format("{}", fmt::join(policy.policy->mx_patterns | std::views::take(5), ", "))},
                     {"max_age", policy.policy->max_age.count()}});
    if (!ports_.cache.put(domain, policy)) {
        ports_.log.warning("mta_sts.not_kept", {{"domain", domain}, {"problem", "too many policies are known"}});
        co_return;
    }
    CommitRequest request;
    request.rows = [domain, policy = std::move(policy)](Transaction& transaction, const std::vector<ContentToStore>&) {
        return save_policy(transaction, domain, policy);
    };
    if (const auto saved = co_await commit(ports_.committer, std::move(request)); !saved.has_value())
        ports_.log.warning("mta_sts.not_saved", {{"domain", domain}, {"problem", saved.error().detail}});
}

}  // namespace relevo

// When the authority would have certificates renewed (RFC 9773): asked as often as it says, remembered beside each.
#include "core/certificates/keeper.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::chrono::hours pause_without_service{24};  // the authority does not offer it
constexpr std::chrono::hours pause_after_fault{1};

std::string text_of(WallClock::time_point time) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(WallClock::to_time_t(time)));
}

}  // namespace

// Later than any time: never. One that has ended is not asked about (RFC 9773 §4.3), nor one of another authority.
WallClock::time_point CertificateKeeper::next_look(const Kept& kept) const {
    const bool is_asked_about = kept.facts && !kept.facts->renewal_id.empty() &&
                                kept.record.directory == options_.directory.text &&
                                kept.facts->not_after > ports_.now();
    if (!is_asked_about) return WallClock::time_point::max();
    const RenewalSuggestion& suggestion = kept.record.suggestion;
    const bool was_asked = suggestion.certificate == kept.facts->renewal_id;
    return std::max(was_asked ? suggestion.next_look_at : WallClock::time_point(), no_look_before_);
}

Task<> CertificateKeeper::ask_for_suggestions() {
    std::vector<std::string> names;
    for (const auto& [name, kept] : kept_)
        if (next_look(kept) <= ports_.now()) names.push_back(name);
    if (names.empty() || is_stopping_) co_return;
    const auto service = co_await renewal_service();
    if (!service.has_value()) {
        ports_.log.warning("acme.suggestion_failed", {{"name", ""}, {"problem", service.error().detail}});
        no_look_before_ = ports_.now() + pause_after_fault;
        co_return;
    }
    if (service->empty()) {
        no_look_before_ = ports_.now() + pause_without_service;
        co_return;
    }
    // An authority that is gone in the middle is not waited for once for each name.
    for (const std::string& name : names)
        if (!is_stopping_ && no_look_before_ <= ports_.now()) co_await ask_for_suggestion(name, *service);
}

// "": it is not offered.
Task<Result<std::string>> CertificateKeeper::renewal_service() {
    RELEVO_CO_TRY(const acme::AuthorityAnswer answer,
                  co_await ask({options_.directory.text, std::nullopt}, Clock::now() + request_time_limit));
    if (answer.status != 200)
        co_return failure(ErrorKind::temporary,
                          fmt::format("the authority's directory answers with status {}", answer.status));
    RELEVO_CO_TRY(acme::Directory directory, acme::parse_directory(answer.body, options_.directory));
    co_return std::move(directory.renewal_info);
}

Task<> CertificateKeeper::ask_for_suggestion(std::string name, std::string service) {
    const auto found = kept_.find(name);
    if (found == kept_.end() || !found->second.facts) co_return;
    const std::string address = acme::renewal_address(service, found->second.facts->renewal_id);
    const auto answer = co_await ask({address, std::nullopt}, Clock::now() + request_time_limit);
    if (!answer.has_value()) {
        ports_.log.warning("acme.suggestion_failed", {{"name", name}, {"problem", answer.error().detail}});
        no_look_before_ = ports_.now() + pause_after_fault;
        co_return;
    }
    Result<acme::RenewalInfo> info =
        answer->status == 200
            ? acme::parse_renewal_info(answer->body)
            : Result<acme::RenewalInfo>(
                  failure(ErrorKind::invalid, fmt::format("the authority answers with status {}", answer->status)));
    co_await take_suggestion(std::move(name), std::move(info), acme::pause_between_looks(answer->retry_after));
}

// RFC 9773 §4.2: "select a uniform random time within the suggested window", once: another draw at each look would make
// the first hours of the window the likeliest.
Task<> CertificateKeeper::take_suggestion(std::string name, Result<acme::RenewalInfo> info,
                                          std::chrono::seconds pause) {
    const auto found = kept_.find(name);
    if (found == kept_.end() || !found->second.facts) co_return;
    Kept& kept = found->second;
    RenewalSuggestion& suggestion = kept.record.suggestion;
    if (suggestion.certificate != kept.facts->renewal_id)
        suggestion = RenewalSuggestion{.certificate = kept.facts->renewal_id};
    suggestion.next_look_at = ports_.now() + pause;
    if (!info.has_value()) {
        // What it has said before stays: a fault of today does not undo it.
        ports_.log.warning("acme.suggestion_failed", {{"name", name}, {"problem", info.error().detail}});
    } else if (*info != suggestion.info) {
        const bool is_same_window = info->start == suggestion.info.start && info->end == suggestion.info.end;
        suggestion.info = *std::move(info);
        if (!is_same_window) {
            suggestion.moment = acme::moment_of(suggestion.info, ports_.chance());
            ports_.log.info("acme.renewal_suggested", {{"name", name},
                                                       {"from", text_of(suggestion.info.start)},
                                                       {"to", text_of(suggestion.info.end)},
                                                       {"renewal", text_of(due(kept))},
                                                       {"explanation", suggestion.info.explanation}});
        }
    }
    if (const auto written = co_await write(name + ".json", text_of(kept.record)); !written.has_value())
        ports_.log.warning("acme.not_written", {{"problem", written.error().detail}});
}

}  // namespace relevo

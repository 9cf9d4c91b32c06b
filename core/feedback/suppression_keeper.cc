#include "core/feedback/suppression_keeper.h"

#include "core/events/history.h"
#include "core/tenancy/administration.h"
#include "lib/base/json_writer.h"
#include "lib/json/json.h"

#include <fmt/format.h>

namespace relevo {
namespace {

bounces::BounceNature nature_named(std::string_view name) {
    for (const auto nature : {bounces::BounceNature::hard, bounces::BounceNature::soft, bounces::BounceNature::block})
        if (name == bounces::name_of(nature)) return nature;
    return bounces::BounceNature::not_a_bounce;
}

}  // namespace

SuppressionKeeper::SuppressionKeeper(SuppressionIndex& index, Committer& committer, EventWriter& events, Log& log,
                                     Metrics& metrics, std::shared_ptr<const SuppressionOptions> options)
    : index_(index), committer_(committer), events_(events), log_(log), options_(std::move(options)) {
    for (const auto reason : {SuppressionReason::soft_bounces, SuppressionReason::hard_bounce,
                              SuppressionReason::manual, SuppressionReason::unsubscribe, SuppressionReason::complaint})
        added_.at(static_cast<std::size_t>(reason)) = &metrics.counter(
            "relevo_suppressions_total", "Addresses that became suppressed, by reason", {{"reason", name_of(reason)}});
}

WallClock::time_point SuppressionKeeper::expiry_of(SuppressionReason reason, WallClock::time_point now) const {
    const auto options = options_.load();
    std::chrono::seconds kept{0};
    switch (reason) {
        case SuppressionReason::soft_bounces: kept = options->keep_soft_bounces; break;
        case SuppressionReason::hard_bounce: kept = options->keep_hard_bounces; break;
        case SuppressionReason::unsubscribe: kept = options->keep_unsubscribes; break;
        case SuppressionReason::complaint: kept = options->keep_complaints; break;
        case SuppressionReason::manual: break;
    }
    return kept.count() > 0 ? now + kept : never_expires;
}

Task<Result<std::vector<Withheld>>> SuppressionKeeper::withheld_of(TenantId tenant, mail::Envelope envelope) const {
    std::vector<Withheld> withheld;
    const auto now = WallClock::now();
    std::vector<std::uint32_t> suspects;
    for (std::uint32_t ordinal = 0; ordinal < envelope.recipients.size(); ++ordinal)
        if (index_.find(tenant, envelope.recipients[ordinal].address, now)) suspects.push_back(ordinal);
    if (suspects.empty()) co_return withheld;
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        for (const std::uint32_t ordinal : suspects) {
            RELEVO_TRY(auto detail, withhold(reader, tenant, envelope.recipients[ordinal].address));
            if (detail) withheld.push_back({.ordinal = ordinal, .detail = *std::move(detail)});
        }
        return {};
    }));
    co_return withheld;
}

Result<std::optional<std::string>> SuppressionKeeper::withhold(Reader& reader, TenantId tenant,
                                                               const mail::Address& address) const {
    const auto comparable = comparable_address(address);
    if (!comparable.has_value()) return std::optional<std::string>();
    RELEVO_TRY(const auto row, find_suppression(reader, tenant, *comparable, WallClock::now()));
    if (!row) return std::optional<std::string>();
    return std::optional(suppressed_detail(address.text(), *row));
}

Result<SuppressionChange> SuppressionKeeper::add_quietly(Transaction& transaction, Suppression& suppression,
                                                         WallClock::time_point now) {
    if (suppression.expires_at == never_expires) suppression.expires_at = expiry_of(suppression.reason, now);
    RELEVO_TRY(const SuppressionChange change, add_suppression(transaction, suppression, now));
    index_.put(suppression);
    if (change == SuppressionChange::kept) return change;
    added_.at(static_cast<std::size_t>(suppression.reason))->add();
    JsonWriter detail;
    detail.field("recipient", suppression.address).field("reason", name_of(suppression.reason));
    detail.optional("because", suppression.text);
    if (suppression.expires_at != never_expires) detail.field("expires_at", utc_text(suppression.expires_at));
    Event event =
        occasion(EventKind::suppression_created, suppression.address, suppression.tenant, now, std::move(detail));
    event.message = suppression.message;  // whose history tells of it, too
    RELEVO_CHECK(events_.append(transaction, event));
    return change;
}

Result<void> SuppressionKeeper::tell_deleted(Transaction& transaction, TenantId tenant, const std::string& address,
                                             std::string_view because, WallClock::time_point now) {
    JsonWriter detail;
    detail.field("recipient", address).field("because", because);
    return events_.append(transaction,
                          occasion(EventKind::suppression_deleted, address, tenant, now, std::move(detail)));
}

Result<void> SuppressionKeeper::remove(Transaction& transaction, TenantId tenant, const std::string& address,
                                       WallClock::time_point now) {
    RELEVO_CHECK(remove_suppression(transaction, tenant, address));
    return tell_deleted(transaction, tenant, address, "removed", now);
}

Result<SuppressionChange> SuppressionKeeper::add(Transaction& transaction, Suppression suppression,
                                                 WallClock::time_point now) {
    RELEVO_TRY(const SuppressionChange change, add_quietly(transaction, suppression, now));
    if (change == SuppressionChange::kept) return change;
    log_.info("suppression.added", {{"tenant", suppression.tenant.text()},
                                    {"address", suppression.address},
                                    {"reason", name_of(suppression.reason)},
                                    {"message", suppression.message ? suppression.message.text() : std::string()},
                                    {"text", suppression.text}});
    return change;
}

Result<SuppressionKeeper::Counts> SuppressionKeeper::import(Transaction& transaction,
                                                            std::span<const Suppression> suppressions,
                                                            WallClock::time_point now) {
    Counts counts;
    for (Suppression one : suppressions) {
        RELEVO_TRY(const SuppressionChange change, add_quietly(transaction, one, now));
        switch (change) {
            case SuppressionChange::added: ++counts.added; break;
            case SuppressionChange::replaced: ++counts.replaced; break;
            case SuppressionChange::kept: ++counts.kept; break;
        }
    }
    if (!suppressions.empty())
        log_.info("suppression.imported", {{"tenant", suppressions.front().tenant.text()},
                                           {"added", counts.added},
                                           {"replaced", counts.replaced},
                                           {"kept", counts.kept}});
    return counts;
}

Result<void> SuppressionKeeper::bounced(Transaction& transaction, const BounceFacts& bounce,
                                        WallClock::time_point now) {
    const auto options = options_.load();
    const auto address = comparable_address(bounce.recipient);
    if (!address.has_value()) return {};
    Suppression suppression{.tenant = bounce.tenant,
                            .address = *address,
                            .reason = SuppressionReason::hard_bounce,
                            .text = fmt::format("{}: {}", bounces::name_of(bounce.kind), bounce.said),
                            .message = bounce.message};
    if (bounce.nature == bounces::BounceNature::soft && options->soft_bounces > 0) {
        RELEVO_TRY(const std::int64_t count, count_soft_bounce(transaction, bounce.tenant, *address, bounce.message,
                                                               now, now - options->soft_bounce_period));
        if (count < options->soft_bounces) return {};
        suppression.reason = SuppressionReason::soft_bounces;
    } else if (bounce.nature != bounces::BounceNature::hard || !options->hard_bounces) {
        return {};
    }
    RELEVO_CHECK(add(transaction, std::move(suppression), now));
    return {};
}

Result<void> SuppressionKeeper::ended(Transaction& transaction, const Message& message,
                                      const DeliveryOutcome& outcome) {
    const bool is_bounce = outcome.outcome == Outcome::failed || outcome.outcome == Outcome::expired;
    if (!is_bounce || !message.tenant || message.envelope.reverse_path.is_null()) return {};
    const auto facts = json::parse(outcome.detail);
    if (!facts.has_value()) return {};
    const auto text = [&](std::string_view name) { return json::text_of(json::member(*facts, name)); };
    const std::string_view said = text("reply").empty() ? text("explanation") : text("reply");
    return bounced(transaction,
                   {.tenant = message.tenant,
                    .message = message.id,
                    .recipient = std::string(text("recipient")),
                    .kind = bounces::bounce_class_named(text("class")).value_or(bounces::BounceClass::unknown),
                    .nature = nature_named(text("nature")),
                    .said = std::string(said)},
                   WallClock::now());
}

Result<void> SuppressionKeeper::forget_old(Transaction& transaction, WallClock::time_point now) {
    RELEVO_TRY(const std::vector<Suppression> over, forget_expired_suppressions(transaction, now));
    for (const Suppression& one : over)
        RELEVO_CHECK(tell_deleted(transaction, one.tenant, one.address, "expired", now));
    RELEVO_CHECK(forget_soft_bounces(transaction, now - options_.load()->soft_bounce_period));
    index_.forget_expired(now);
    return {};
}

std::string suppressed_detail(std::string_view recipient, const Suppression& suppression) {
    JsonWriter json;
    json.field("recipient", recipient)
        .field("reason", name_of(suppression.reason))
        .field("since", milliseconds_of(suppression.created_at));
    json.optional("because", suppression.text);
    if (suppression.message) json.field("because_of", suppression.message.text());
    return json.finish();
}

}  // namespace relevo

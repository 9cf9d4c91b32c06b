// LAN mode: an office names the device that a message comes from, a central relay believes it from an office alone.
#include "core/policy/sending.h"
#include "core/reception/session.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {

// Takes out what says a device's name, whoever wrote it, and puts ours in its place if we know the device.
void ReceptionSession::mark_device(mail::SubmissionFixes& fixes, const mail::Header& header) {
    const LanBook* const book = reception_.ports_.shared.lan;
    if (book == nullptr) return;
    const auto table = book->table();
    const std::string_view device = table->device_of(identity_);
    const LanOfficeId office = table->office_of(identity_.credential);
    if (!device.empty() || office) lan_origin_ = LanOrigin{.office = office, .device = std::string(device)};
    const std::size_t others = fixes.removed.size();
    for (const mail::Field& field : header.fields()) {
        if (!equals_ignoring_case(trimmed(field.name), lan_device_field)) continue;
        const auto begin = static_cast<std::size_t>(field.raw.data() - arrived().data());
        fixes.removed.emplace_back(begin, begin + field.raw.size());
        const std::string_view name = trimmed(field.value);
        if (office && lan_origin_->device.empty() && is_device_name(name)) lan_origin_->device = name;
    }
    if (fixes.removed.size() > others) std::ranges::sort(fixes.removed);
    if (!device.empty()) fixes.prefix += fmt::format("{}: {}\r\n", lan_device_field, device);
}

void ReceptionSession::note_device_refusal(const smtp::Reply& reply) {
    LanBook* const book = reception_.ports_.shared.lan;
    if (book == nullptr || !identity_.is_known()) return;
    const auto table = book->table();
    LanOrigin origin{.office = table->office_of(identity_.credential),
                     .device = std::string(table->device_of(identity_))};
    if (lan_origin_) origin = *lan_origin_;
    if (origin != LanOrigin{}) book->note_refusal(origin, reply.one_line(), WallClock::now());
}

// What belongs into the transaction that accepts the message: what counts it; nothing if nobody counts.
std::function<Result<void>(Transaction&)> ReceptionSession::rows_of(const Submission& submission) const {
    auto& shared = reception_.ports_.shared;
    const bool is_limited = identity_.is_known() && limits_of(*shared.directory.load(), identity_) != RateLimits{};
    if (!is_limited && quotas_.empty() && !lan_origin_) return {};
    return [is_limited, key = sender_key(identity_), now = submission.accepted_at, quotas = quotas_,
            counted = recipients_counted_, taken_at = quotas_taken_at_, origin = lan_origin_, book = shared.lan,
            id = submission.id, recipients = static_cast<std::int64_t>(submission.envelope.recipients.size())](
               Transaction& transaction) -> Result<void> {
        if (is_limited) RELEVO_CHECK(record_usage(transaction, key, hour_of(now), 1));
        if (!quotas.empty()) RELEVO_CHECK(record_quota_usage(transaction, quotas, counted, taken_at));
        if (origin) return book->record_arrival(transaction, *origin, id, recipients, now);
        return {};
    };
}

}  // namespace relevo

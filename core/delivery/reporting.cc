#include "core/delivery/reporting.h"

#include "lib/base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

const mail::Recipient& recipient_of(const Message& message, std::uint32_t ordinal) {
    const auto place = std::ranges::lower_bound(message.ordinals, ordinal) - message.ordinals.begin();
    return message.envelope.recipients[static_cast<std::size_t>(place)];
}

// What to tell the sender of this recipient, if anything.
std::optional<mail::DeliveryAction> action_for(const ReportableResult& result, const mail::Recipient& recipient) {
    switch (result.result.outcome) {
        case Outcome::failed:
        case Outcome::expired:
            if (recipient.notify.wants(mail::DsnNotify::failure)) return mail::DeliveryAction::failed;
            return std::nullopt;
        case Outcome::deferred:
            if (result.delayed && recipient.notify.wants(mail::DsnNotify::delay)) return mail::DeliveryAction::delayed;
            return std::nullopt;
        case Outcome::delivered:
            // "relayed": the next server knows nothing of DSN, so the sender's wish ends here (RFC 3461 §5.2.2).
            if (recipient.notify.bits != 0 && recipient.notify.wants(mail::DsnNotify::success) &&
                !result.result.dsn_relayed)
                return mail::DeliveryAction::relayed;
            return std::nullopt;
    }
    return std::nullopt;
}

mail::RecipientReport recipient_report(const ReportableResult& result, const mail::Recipient& recipient,
                                       mail::DeliveryAction action, WallClock::time_point now) {
    mail::RecipientReport report{.recipient = recipient};
    report.action = action;
    report.status = result.result.status;
    // Whatever the last answer was, it failed because its time was over (RFC 3463 §3.5: X.4.7).
    if (result.result.outcome == Outcome::expired) report.status = "5.4.7";
    report.diagnostic = result.result.reply;
    report.remote_mta = result.remote_host;
    report.explanation = result.result.explanation;
    report.last_attempt = now;
    report.will_retry_until = result.will_retry_until;
    return report;
}

Submission submission_of(const Message& message, mail::DeliveryReport report, const ReportingOptions& options,
                         MessageIdSource& ids) {
    Submission submission;
    submission.id = ids.next(report.now, 1);
    submission.tenant = message.tenant;
    report.queue_id = message.id.text();
    report.message_id = fmt::format("{}@{}", submission.id.text(), options.host_name);
    mail::BuiltReport built = mail::build_report(report, *message.content, options.full_return_limit_octets);
    submission.envelope.recipients.push_back(
        {.address = message.sender().address(), .notify = {mail::DsnNotify::never}, .original_recipient = {}});
    submission.envelope.require_tls = message.envelope.require_tls;  // RFC 8689 §5
    submission.envelope.smtputf8 = built.smtputf8;
    submission.envelope.body =
        built.eight_bit || built.smtputf8 ? mail::BodyType::eight_bit_mime : mail::BodyType::seven_bit;
    submission.content = std::make_shared<const std::string>(std::move(built.content));
    submission.accepted_at = report.now;
    submission.origin = JsonWriter().field("from", "report").field("about", message.id.text()).finish();
    return submission;
}

}  // namespace

std::vector<Submission> make_reports(const Message& message, const std::vector<ReportableResult>& results,
                                     const ReportingOptions& options, mail::Language language, MessageIdSource& ids,
                                     WallClock::time_point now) {
    std::vector<Submission> reports;
    if (message.sender().is_null()) return reports;
    for (const mail::DeliveryAction action :
         {mail::DeliveryAction::failed, mail::DeliveryAction::delayed, mail::DeliveryAction::relayed}) {
        mail::DeliveryReport report;
        for (const ReportableResult& result : results) {
            const mail::Recipient& recipient = recipient_of(message, result.result.ordinal);
            if (action_for(result, recipient) == action)
                report.recipients.push_back(recipient_report(result, recipient, action, now));
        }
        if (report.recipients.empty()) continue;
        report.language = language;
        report.reporting_mta = options.host_name;
        report.from_domain = options.host_name;
        report.original_sender = message.sender();
        report.envelope_id = message.envelope.envelope_id;
        // RFC 8689 §5: what the sender wants to protect is not sent back.
        report.dsn_return = message.envelope.require_tls ? mail::DsnReturn::headers : message.envelope.dsn_return;
        report.arrival = message.accepted_at;
        report.now = now;
        reports.push_back(submission_of(message, std::move(report), options, ids));
    }
    return reports;
}

}  // namespace relevo

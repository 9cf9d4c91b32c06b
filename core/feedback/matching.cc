#include "core/feedback/matching.h"

#include "core/tenancy/administration.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t shown_octets = 1000;

bool is_feedback(EventKind kind) { return kind >= EventKind::bounced && kind <= EventKind::notified; }

bool same_address(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return false;
    const auto first = comparable_address(a), second = comparable_address(b);
    return first.has_value() && second.has_value() && *first == *second;
}

const SentMessage::To* recipient_named(const SentMessage& message, std::string_view address) {
    const auto found = std::ranges::find_if(
        message.recipients, [&](const SentMessage::To& to) { return same_address(to.address, address); });
    return found == message.recipients.end() ? nullptr : &*found;
}

const SentMessage::To* recipient_of(const SentMessage& message, const bounces::BounceMail& mail,
                                    const bounces::BouncedRecipient& bounced, FeedbackProof proof) {
    if (const auto* original = recipient_named(message, bounced.original_recipient)) return original;
    if (const auto* final = recipient_named(message, bounced.recipient)) return final;
    const bool is_only_one = message.recipients.size() == 1 && mail.recipients.size() == 1;
    return proof == FeedbackProof::token && is_only_one ? &message.recipients.front() : nullptr;
}

EventKind kind_of(const bounces::BounceMail& mail, const bounces::BouncedRecipient& recipient) {
    using bounces::BounceMailKind;
    switch (mail.kind) {
        case BounceMailKind::complaint:
            return recipient.kind == bounces::BounceClass::unsubscribe ? EventKind::unsubscribed
                                                                       : EventKind::complained;
        case BounceMailKind::unsubscribe: return EventKind::unsubscribed;
        case BounceMailKind::auto_reply: return EventKind::auto_reply;
        default: break;
    }
    const bool is_final = recipient.action.empty() || recipient.action == "failed";
    return is_final && recipient.nature != bounces::BounceNature::not_a_bounce ? EventKind::bounced
                                                                               : EventKind::notified;
}

}  // namespace

SentMessage sent_message(const MessageRow& row) {
    SentMessage message{.id = row.id, .tenant = row.tenant, .sender = row.sender, .recipients = {}};
    const auto add = [&](std::uint32_t ordinal, std::string address) {
        const auto place = std::ranges::lower_bound(message.recipients, ordinal, {}, &SentMessage::To::ordinal);
        if (place != message.recipients.end() && place->ordinal == ordinal) return;
        message.recipients.insert(place, {ordinal, std::move(address)});
    };
    for (const DeliveryRow& pending : row.pending) add(pending.id.ordinal, pending.recipient);
    for (const Event& event : row.events) {
        if (is_feedback(event.kind)) {
            ++message.feedback;
            continue;
        }
        if (event.ordinal == whole_message) continue;
        const auto facts = json::parse(event.detail);
        if (!facts.has_value()) continue;
        if (const auto address = json::text_of(json::member(*facts, "recipient")); !address.empty())
            add(static_cast<std::uint32_t>(event.ordinal), std::string(address));
    }
    return message;
}

std::vector<FeedbackFinding> findings_of(const bounces::BounceMail& mail, const SentMessage& message,
                                         FeedbackProof proof) {
    std::vector<FeedbackFinding> findings;
    const bool counts_once =
        mail.kind == bounces::BounceMailKind::complaint || mail.kind == bounces::BounceMailKind::unsubscribe;
    for (const bounces::BouncedRecipient& bounced : mail.recipients) {
        FeedbackFinding finding{.kind = kind_of(mail, bounced),
                                .to = recipient_of(message, mail, bounced, proof),
                                .reason = bounced.kind,
                                .nature = bounced.nature,
                                .action = bounced.action,
                                .status = bounced.status,
                                .said = bounced.reason,
                                .remote = bounced.remote_mta,
                                .named = bounced.recipient};
        const bool is_told = std::ranges::any_of(findings, [&](const FeedbackFinding& other) {
            return other.to == finding.to && other.kind == finding.kind;
        });
        if (is_told || (counts_once && std::ranges::any_of(findings, [](const auto& other) { return other.to; })))
            continue;
        findings.push_back(std::move(finding));
    }
    if (proof == FeedbackProof::message_id)
        std::erase_if(findings, [](const FeedbackFinding& finding) { return finding.to == nullptr; });
    return findings;
}

std::string feedback_detail(const FeedbackFinding& finding, const bounces::BounceMail& mail) {
    JsonWriter json;
    json.field("recipient", finding.to != nullptr ? std::string_view(finding.to->address) : std::string_view());
    json.field("class", bounces::name_of(finding.reason)).field("nature", bounces::name_of(finding.nature));
    if (finding.to == nullptr || !same_address(finding.to->address, finding.named))
        json.optional("named", printable(finding.named, shown_octets));
    json.optional("action", printable(finding.action, shown_octets))
        .optional("status", finding.status)
        .optional("reply", printable(finding.said, shown_octets))
        .optional("remote_mta", printable(finding.remote, shown_octets))
        .optional("reporting_mta", printable(mail.reporting_mta, shown_octets));
    return json.finish();
}

}  // namespace relevo

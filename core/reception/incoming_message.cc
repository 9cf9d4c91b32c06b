#include "core/reception/incoming_message.h"

#include "core/feedback/unsubscribe.h"
#include "core/policy/sending.h"
#include "core/reception/control_headers.h"
#include "core/reception/replies.h"
#include "core/spool/first_due.h"
#include "core/tenancy/administration.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/mail/tls_required.h"
#include "lib/mime/header_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

// What is set aside for an announced size at once; more grows as it arrives (a client may announce what it never
// sends).
constexpr Octets reserved_content_limit = mebibyte;
constexpr std::size_t subject_octets = 200;  // that are kept for the search

mailauth::BareLineEnds bare_line_ends(const mail::Envelope& envelope) {
    return envelope.body == mail::BodyType::binary_mime ? mailauth::BareLineEnds::literal
                                                        : mailauth::BareLineEnds::converted;
}

}  // namespace

std::optional<Decision> judge_suppression(const ReceptionShared& shared, TenantId tenant,
                                          const mail::Address& recipient) {
    const SuppressionKeeper* keeper = shared.suppressions;
    if (keeper == nullptr || !tenant || keeper->options()->recipients != SuppressedRecipient::refused)
        return std::nullopt;
    const auto reason = keeper->index().find(tenant, recipient, WallClock::now());
    if (!reason) return std::nullopt;
    return decide(ReplyKey::recipient_suppressed, {{"address", recipient.text()}, {"reason", name_of(*reason)}});
}

// --- before the content

std::optional<Decision> IncomingMessage::begin(const Arrival& arrival, const mail::Envelope& envelope,
                                               Octets announced_size) {
    const Identity& identity = arrival.identity;
    const auto now = WallClock::now();
    if (identity.is_known()) {
        const auto directory = ports_.shared.directory.load();
        const SenderKey sender = sender_key(identity);
        if (const auto refusal = ports_.shared.rates.take(sender, limits_of(*directory, identity), now))
            return rate_reached(*refusal);
        rate_taken_ = {sender, now};
        if (auto refusal = judge_conduct(identity.tenant, now)) return refusal;
        if (auto refusal = take_of_quotas(identity, envelope, now)) return refusal;
        if (ports_.shared.signer != nullptr && ports_.shared.signer->has_keys())
            body_.emplace(bare_line_ends(envelope));
    }
    id_ = ports_.ids.next(now, envelope.recipients.size());
    content_.reserve(std::min(announced_size, reserved_content_limit));
    return std::nullopt;
}

// A tenant whose mail bounces or is complained about too much: its mail is refused, or kept and held.
std::optional<Decision> IncomingMessage::judge_conduct(TenantId tenant, WallClock::time_point now) {
    const ConductLedger* ledger = ports_.shared.conduct;
    const auto conduct = ledger != nullptr ? ledger->held(tenant, now) : std::nullopt;
    if (!conduct) return std::nullopt;
    const auto directory = ports_.shared.directory.load();
    const Tenant* row = directory->tenant(tenant);
    const std::string name = row != nullptr ? row->name : tenant.text();
    if (ledger->options()->held_mail == HeldTenantMail::refused)
        return decide(ReplyKey::tenant_held, {{"tenant", name}, {"reason", reason_of(*conduct)}});
    held_because_ = fmt::format("the mail of tenant {} is held: {}; clean the list, then relevo tenant release {}",
                                name, reason_of(*conduct), name);
    return std::nullopt;
}

// Counts the message, with all its recipients. A refusal, or nothing.
std::optional<Decision> IncomingMessage::take_of_quotas(const Identity& identity, const mail::Envelope& envelope,
                                                        WallClock::time_point now) {
    const auto directory = ports_.shared.directory.load();
    std::vector<Quota> quotas = quotas_for(*directory, identity, envelope.reverse_path);
    if (quotas.empty()) return std::nullopt;
    const auto recipients = static_cast<std::uint32_t>(envelope.recipients.size());
    const auto verdict = ports_.shared.quotas.take(quotas, recipients, now);
    if (verdict.answer != QuotaLedger::Answer::taken) {
        ports_.metrics.quota_refused.add();
        return quota_reached(*directory, verdict, recipients);
    }
    quotas_ = std::move(quotas);
    recipients_counted_ = recipients;
    quotas_taken_at_ = now;
    tell_of_quotas(*directory, verdict);
    if (verdict.by) {
        ports_.metrics.quota_delayed.add();
        not_before_ = verdict.until;
        waits_for_ = quota_text(*directory, *verdict.by);
    }
    return std::nullopt;
}

void IncomingMessage::tell_of_quotas(const Directory& directory, const QuotaLedger::Verdict& verdict) {
    for (const QuotaLedger::Crossing& crossing : verdict.crossings) {
        ports_.metrics.quota_warnings.add();
        ports_.log.warning(crossing.percent >= 100 ? "quota.used_up" : "quota.nearly_used_up",
                           {{"quota", crossing.quota.id.text()},
                            {"of", subject_of(directory, crossing.quota)},
                            {"percent", crossing.percent},
                            {"recipients", crossing.quota.recipients},
                            {"period", name_of(crossing.quota.period)},
                            {"beyond", name_of(crossing.quota.beyond)}});
    }
}

// --- the content

void IncomingMessage::set_received_field(std::string field) {
    received_octets_ = field.size();
    content_.insert(0, field);
}

void IncomingMessage::append(std::string_view piece) {
    content_.append(piece);
    if (body_) body_->receive(piece);
}

void IncomingMessage::heed(const mail::Header& header) {
    tls_optional_ = mail::says_tls_is_optional(header);
    if (const mail::Field* subject = header.find("Subject"); subject != nullptr)
        subject_ = printable(mime::header_text(subject->value), subject_octets);
}

void IncomingMessage::apply(std::string prefix, const mail::SubmissionFixes& fixes) {
    prefix += std::string_view(content_).substr(0, received_octets_);
    content_ = mail::apply_fixes(prefix, arrived(), fixes);
}

std::optional<Decision> IncomingMessage::prepare(const Arrival& arrival, const mail::Envelope& envelope,
                                                 mail::Header header) {
    const auto directory = ports_.shared.directory.load();
    Decision decision = judge_content(*directory, arrival.identity, header, arrived());
    if (!decision.is_accepted()) return decision;
    auto asked = take_control_headers(*directory, arrival.identity, header);
    if (!asked.has_value()) return std::move(asked.error());
    if (auto refusal = schedule(asked->send_at, WallClock::now())) return refusal;
    // The header is the same, but lies elsewhere.
    if (track(*directory, arrival.identity, envelope, header, asked->tracked))
        header = mail::Header::parse(arrived()).value();
    const auto now = WallClock::now();
    mail::SubmissionFixes fixes =
        mail::fixes_for_submission(header, arrived(), fmt::format("{}@{}", id_.text(), arrival.host_name), now);
    remove_claims_to_be_ours(fixes, header, arrived(), ports_.verifier.options()->authserv_id);
    mark_device(arrival.identity, fixes, header);
    remove_control_headers(fixes, *asked);
    fixes.prefix += unsubscribe_fields(arrival.identity, envelope, header);
    std::string prefix = signature_of(*directory, arrival.identity, header, fixes, now);
    if (prefix.empty() && fixes.prefix.empty() && fixes.removed.empty() && !fixes.separator_offset) return std::nullopt;
    apply(std::move(prefix), fixes);
    return std::nullopt;
}

// What the message asks of us; else what its sender's credential or network says.
std::expected<ControlHeaders, Decision> IncomingMessage::take_control_headers(const Directory& directory,
                                                                              const Identity& identity,
                                                                              const mail::Header& header) {
    const auto& pools_of = ports_.shared.pools_of;
    const auto pools = pools_of ? pools_of(identity.tenant) : std::vector<std::string>();
    auto found = control_headers(header, arrived(), pools);
    if (!found.has_value()) return found;
    stream_ = found->stream.value_or(stream_of(directory, identity));
    labels_ = std::move(found->labels);
    pool_ = found->pool;
    return found;
}

// A time that is past is no reason to refuse: programs, and mail on its way to us, are late.
std::optional<Decision> IncomingMessage::schedule(std::optional<WallClock::time_point> send_at,
                                                  WallClock::time_point now) {
    if (!send_at || *send_at <= now) return std::nullopt;
    if (*send_at - now > longest_schedule)
        return decide(ReplyKey::send_at_unusable,
                      {{"problem", fmt::format("{} is more than {} hours ahead", send_time_text(*send_at),
                                               longest_schedule.count())}});
    send_at_ = send_at;
    if (*send_at <= not_before_) return std::nullopt;  // its quota has room later still
    not_before_ = *send_at;
    waits_for_ = fmt::format("{}{}", waits_for_schedule, send_time_text(*send_at));
    return std::nullopt;
}

// Opens and clicks: the message gets links and an image of ours before it is signed. Whether content_ is another string
// now; its header is the same.
bool IncomingMessage::track(const Directory& directory, const Identity& identity, const mail::Envelope& envelope,
                            const mail::Header& header, std::optional<Tracked> asked) {
    auto& shared = ports_.shared;
    if (shared.tracker == nullptr || envelope.reverse_path.is_null()) return false;
    const auto options = shared.tracker->options();
    const Domain* author = author_domain(directory, identity, header.fields());
    if (options->base_url.empty()) {
        const Tracked wanted = asked ? *asked : author != nullptr ? author->tracking.value_or(Tracked{}) : Tracked{};
        if (!wanted.is_none())
            tracking_ = JsonWriter().field("summary", "not tracked: tracking.url is not set").finish();
        return false;
    }
    const Tracked tracked = tracked_of(*options, author, stream_, asked);
    if (tracked.is_none()) return false;
    PreparedMessage prepared =
        shared.tracker->prepare(arrived(), {.tenant = identity.tenant,
                                            .message = id_,
                                            .recipients = envelope.recipients.size(),
                                            .tracked = tracked,
                                            .base_url = tracking_base(*options, author),
                                            .signs_for = [&](std::string_view domain) {
                                                const Domain* row = directory.domain_for(domain);
                                                return row != nullptr && row->tenant == identity.tenant &&
                                                       shared.signer != nullptr && shared.signer->signs(row->id);
                                            }});
    tracking_ = std::move(prepared.summary);
    if (prepared.content.empty()) return false;
    links_ = shared.tracker->unwritten(identity.tenant, std::move(prepared.links), WallClock::now());
    content_.resize(received_octets_);
    content_ += prepared.content;
    if (body_) {  // what was hashed while it arrived is not what leaves
        body_.emplace(bare_line_ends(envelope));
        body_->receive(arrived());
    }
    return true;
}

// Takes out what says a device's name, whoever wrote it, and puts ours in its place if we know the device: an office
// names it, a central relay believes it from an office alone.
void IncomingMessage::mark_device(const Identity& identity, mail::SubmissionFixes& fixes, const mail::Header& header) {
    const LanBook* const book = ports_.shared.lan;
    if (book == nullptr) return;
    const auto table = book->table();
    const std::string_view device = table->device_of(identity);
    const LanOfficeId office = table->office_of(identity.credential);
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

// A link names one recipient, so a message to several gets none.
std::string IncomingMessage::unsubscribe_fields(const Identity& identity, const mail::Envelope& envelope,
                                                const mail::Header& header) const {
    const auto& feedback = ports_.shared.feedback;
    if (feedback.intake == nullptr || envelope.reverse_path.is_null() || envelope.recipients.size() != 1 ||
        !wants_list_unsubscribe(header, stream_))
        return {};
    return list_unsubscribe_fields(*feedback.return_paths->keys(),
                                   {.tenant = identity.tenant,
                                    .message = id_,
                                    .recipient = envelope.recipients.front().address,
                                    .return_domain = feedback.return_paths->domain_for(envelope.reverse_path.address()),
                                    .base_url = feedback.intake->options()->unsubscribe_url});
}

// The fields to put in front of all others. Our Received field is not signed: it is no part of what the sender says.
std::string IncomingMessage::signature_of(const Directory& directory, const Identity& identity,
                                          const mail::Header& header, const mail::SubmissionFixes& fixes,
                                          WallClock::time_point now) {
    MessageSigner* const signer = ports_.shared.signer;
    if (signer == nullptr) return {};
    std::optional<mailauth::DkimSigner> hashed;
    if (body_) hashed = std::move(*body_).finish(arrived(), header.body_offset());
    MessageSigner::Signed made = signer->sign_submission(
        directory, identity, mail::fields_after(header, arrived(), fixes), std::move(hashed), now);
    body_.reset();
    signed_by_ = std::move(made.by);
    return std::move(made.fields);
}

// --- durable

std::string IncomingMessage::origin_of(const Arrival& arrival, const mail::Envelope& envelope) const {
    JsonWriter json;
    json.field("listener", arrival.way).field("client", arrival.client.address.text()).field("name", arrival.name);
    json.optional("login", arrival.login)
        .optional("mechanism", arrival.login.empty() ? std::string() : arrival.mechanism)
        .optional("tls", arrival.tls);
    if (lan_origin_) {
        if (lan_origin_->office) json.field("office", lan_origin_->office.text());
        json.optional("device", lan_origin_->device);
    }
    json.optional("waits_for", waits_for_);
    if (send_at_) json.field("send_at", send_time_text(*send_at_));
    json.optional("signed_by", signed_by_).optional("sealed_by", sealed_by_);
    if (!tracking_.empty()) json.raw("tracking", tracking_);
    if (!authentication_.empty()) json.raw("authentication", authentication_);
    json.optional("subject", subject_);
    if (!labels_.tags.empty()) json.raw("tags", json_of_tags(labels_));
    if (!labels_.metadata.empty()) json.raw("metadata", json_of_metadata(labels_));
    json.field("sender", envelope.reverse_path.text())
        .field("recipients", envelope.recipients.size())
        .field("size", content_.size());
    return json.finish();
}

Task<Result<std::vector<Withheld>>> IncomingMessage::suppressed_recipients(TenantId tenant,
                                                                           const mail::Envelope& envelope) {
    const SuppressionKeeper* keeper = ports_.shared.suppressions;
    if (keeper == nullptr || !tenant) co_return std::vector<Withheld>();
    co_return co_await keeper->withheld_of(tenant, envelope);
}

namespace {

// The message that crosses a mark tells of it, in its transaction.
Result<void> count_in_quotas(Transaction& transaction, EventWriter& events, const Directory& directory, TenantId tenant,
                             std::span<const Quota> quotas, std::uint32_t recipients, WallClock::time_point taken_at) {
    RELEVO_TRY(const auto crossings, record_quota_usage(transaction, quotas, recipients, taken_at));
    for (const QuotaLedger::Crossing& crossing : crossings) {
        JsonWriter detail;
        detail.field("quota", crossing.quota.id.text())
            .field("of", subject_of(directory, crossing.quota))
            .field("percent", crossing.percent)
            .field("recipients", crossing.quota.recipients)
            .field("period", name_of(crossing.quota.period))
            .field("beyond", name_of(crossing.quota.beyond));
        RELEVO_CHECK(events.append(transaction, occasion(EventKind::quota_reached, crossing.quota.id.text(), tenant,
                                                         taken_at, std::move(detail))));
    }
    return {};
}

}  // namespace

// What belongs into the transaction that accepts the message: what counts it, and `also`; nothing if there is nothing.
std::function<Result<void>(Transaction&)> IncomingMessage::rows_of(
    const Identity& identity, const Submission& submission, std::function<Result<void>(Transaction&)> also) const {
    auto& shared = ports_.shared;
    const bool is_limited = identity.is_known() && limits_of(*shared.directory.load(), identity) != RateLimits{};
    const bool begins_later = not_before_ != WallClock::time_point{};
    if (!is_limited && quotas_.empty() && !lan_origin_ && links_.empty() && !begins_later) return also;
    return [is_limited, begins_later, first_due = not_before_, key = sender_key(identity), now = submission.accepted_at,
            quotas = quotas_, counted = recipients_counted_, taken_at = quotas_taken_at_, origin = lan_origin_,
            book = shared.lan, links = links_, tenant = submission.tenant, id = submission.id,
            directory = shared.directory.load(), &events = ports_.spool.events(),
            recipients = static_cast<std::int64_t>(submission.envelope.recipients.size()),
            also = std::move(also)](Transaction& transaction) -> Result<void> {
        if (is_limited) RELEVO_CHECK(record_usage(transaction, key, hour_of(now), 1));
        if (!quotas.empty())
            RELEVO_CHECK(count_in_quotas(transaction, events, *directory, tenant, quotas, counted, taken_at));
        if (begins_later) RELEVO_CHECK(record_first_due(transaction, id, first_due));
        if (!links.empty()) RELEVO_CHECK(LinkBook::write(transaction, tenant, links, day_of(now)));
        if (origin) RELEVO_CHECK(book->record_arrival(transaction, *origin, id, recipients, now));
        return also ? also(transaction) : Result<void>{};
    };
}

Task<Result<IncomingMessage::Kept>> IncomingMessage::keep(
    const Arrival& arrival, mail::Envelope envelope,
    std::function<Result<void>(Transaction&, const AcceptedMessage&)> also) {
    Submission submission;
    submission.id = id_;
    submission.tenant = arrival.identity.tenant;
    submission.credential = arrival.identity.credential;
    submission.stream = stream_;
    submission.pool = pool_;
    submission.accepted_at = WallClock::now();
    submission.origin = origin_of(arrival, envelope);
    submission.envelope = std::move(envelope);
    // REQUIRETLS outweighs the field (RFC 8689 §5).
    submission.envelope.tls_optional = tls_optional_ && !submission.envelope.require_tls;
    auto withheld = co_await suppressed_recipients(arrival.identity.tenant, submission.envelope);
    if (!withheld.has_value()) {
        log_not_stored(arrival, withheld.error());
        co_return std::unexpected(withheld.error());
    }
    submission.withheld = *std::move(withheld);
    Kept kept{.recipients = submission.envelope.recipients.size(), .suppressed = submission.withheld.size()};
    const std::string first_recipient = submission.envelope.recipients.front().address.text();
    submission.not_before = not_before_;
    submission.waits_for = waits_for_;
    submission.held_because = held_because_;
    std::function<Result<void>(Transaction&)> rows;
    if (also)
        rows = [also = std::move(also), accepted = AcceptedMessage{id_, kept.recipients, kept.suppressed}](
                   Transaction& transaction) { return also(transaction, accepted); };
    submission.also = rows_of(arrival.identity, submission, std::move(rows));
    const std::size_t size = content_.size();
    submission.content = std::make_shared<const std::string>(take_content());
    auto accepted = co_await ports_.spool.accept(std::move(submission));
    if (!accepted.has_value()) {
        log_not_stored(arrival, accepted.error());
        co_return std::unexpected(accepted.error());
    }
    rate_taken_.reset();  // it counts for good
    quotas_.clear();
    kept.message = *std::move(accepted);
    if (!links_.empty()) ports_.shared.tracker->note_written(kept.message->tenant, links_, kept.message->accepted_at);
    ports_.metrics.accepted_octets.add(size);
    ports_.log.info("smtp.accepted", {{"message", kept.message->id.text()},
                                      {"listener", arrival.way},
                                      {"client", arrival.client.text()},
                                      {"login", arrival.login},
                                      {"from", kept.message->sender().text()},
                                      {"to", first_recipient},
                                      {"recipients", kept.recipients},
                                      {"suppressed", kept.suppressed},
                                      {"size", size},
                                      {"signed_by", signed_by_},
                                      {"sealed_by", sealed_by_}});
    if (kept.suppressed < kept.recipients) {  // else nothing of it waits
        if (ports_.shared.message_accepted) ports_.shared.message_accepted(ports_.shard, kept.message);
        if (held_because_.empty()) ports_.accepted(kept.message);
    }
    co_return kept;
}

void IncomingMessage::log_not_stored(const Arrival& arrival, const Error& problem) {
    ports_.log.error("spool.refused",
                     {{"client", arrival.client.text()}, {"message", id_.text()}, {"problem", problem.detail}});
}

void IncomingMessage::forget() {
    if (rate_taken_) ports_.shared.rates.give_back(rate_taken_->first, rate_taken_->second);
    rate_taken_.reset();
    if (!quotas_.empty()) ports_.shared.quotas.give_back(quotas_, recipients_counted_, quotas_taken_at_);
    quotas_.clear();
    not_before_ = {};
    waits_for_.clear();
    send_at_.reset();
    held_because_.clear();
    content_ = {};
    received_octets_ = 0;
    body_.reset();
    stream_ = mail::MessageStream::transactional;
    pool_.clear();
    tls_optional_ = false;
    subject_.clear();
    labels_ = {};
    signed_by_.clear();
    links_.clear();
    tracking_.clear();
    sealed_by_.clear();
    authentication_.clear();
    lan_origin_.reset();
}

}  // namespace relevo

#include "core/verification/verification.h"

#include "lib/base/text.h"
#include "lib/mailauth/arc_verifier.h"
#include "lib/mailauth/authentication_results.h"
#include "lib/mailauth/dkim_verifier.h"
#include "lib/mailauth/dmarc.h"
#include "lib/mailauth/iprev.h"
#include "lib/mailauth/spf_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace relevo {

namespace {

// Of the time that is left, what one question may take.
constexpr int question_share = 3;

// As resolve(), but each question waits only for its share of the time that is left. Strangers name most of what is
// asked about (signers, sealers, servers of the client's address): a name that never answers must not use up the time
// of those that decide, or it would turn a failure into "not known now" (security row C4).
template <class T>
Task<T> resolve_in_shares(Resolver& resolver, dns::Inquiry<T> inquiry, Deadline deadline) {
    while (const dns::Question* question = inquiry.next()) {
        const Deadline now = Clock::now();
        const Deadline until = now < deadline ? now + (deadline - now) / question_share : deadline;
        inquiry.answer(co_await resolver.query(question->name, question->type, until));
    }
    co_return std::move(inquiry).take();
}

// DMARC comes last and decides: it always has a quarter of the time limit.
Clock::duration limit_before_dmarc(const VerificationOptions& options) { return options.time_limit * 3 / 4; }

}  // namespace

// What is asked about the sender while the content streams in.
struct MessageVerification::Sender {
    Sender(Shard& shard, Resolver& dns, ArrivingMail mail, std::string name, Deadline until)
        : resolver(dns), arriving(std::move(mail)), receiver(std::move(name)), deadline(until), done(shard) {}
    Resolver& resolver;
    ArrivingMail arriving;
    std::string receiver;
    Deadline deadline;
    std::optional<mailauth::IprevVerdict> iprev;
    std::optional<mailauth::SpfVerdict> spf;
    Wakeup done;
};

// What hashes the content as it comes.
struct MessageVerification::Streams {
    Streams(const mail::Header& header, mailauth::BareLineEnds bare_line_ends, Sealing sealing)
        : bodies(std::make_shared<mailauth::BodyHashes>(bare_line_ends)), dkim(header, bodies), arc(header, bodies) {
        if (sealing == Sealing::on) sealer.emplace(bodies);
        for (const mail::Field& field : header.fields())
            if (equals_ignoring_case(field.name, "From")) from.emplace_back(field.value);
        dkim.judge_first(mailauth::dmarc_author_domains(from).value_or(std::vector<std::string>()));
    }
    std::shared_ptr<mailauth::BodyHashes> bodies;  // held by the verifiers and the sealer
    mailauth::DkimVerifier dkim;
    mailauth::ArcVerifier arc;
    std::optional<mailauth::ArcSealer> sealer;
    std::vector<std::string> from;
};

MessageVerification::MessageVerification(Shard& shard, Resolver& resolver,
                                         std::shared_ptr<const VerificationOptions> options, ArrivingMail arriving)
    : shard_(shard),
      resolver_(resolver),
      options_(std::move(options)),
      sender_(std::make_shared<Sender>(shard, resolver, std::move(arriving), options_->authserv_id,
                                       Clock::now() + limit_before_dmarc(*options_))) {
    shard_.spawn(check_sender(sender_));
    shard_.spawn(check_name(sender_));
}

MessageVerification::~MessageVerification() = default;

Task<> MessageVerification::check_sender(std::shared_ptr<Sender> sender) {
    sender->spf = co_await resolve_in_shares(
        sender->resolver,
        mailauth::check_spf({.client = sender->arriving.client,
                             .mail_from = sender->arriving.sender.text(),
                             .helo = sender->arriving.client_name,
                             .receiver = sender->receiver,
                             .time = std::chrono::floor<std::chrono::seconds>(WallClock::now())}),
        sender->deadline);
    sender->done.notify_all();
}

// Beside check_sender(): whoever has the address decides how long its name takes.
Task<> MessageVerification::check_name(std::shared_ptr<Sender> sender) {
    sender->iprev =
        co_await resolve_in_shares(sender->resolver, mailauth::check_iprev(sender->arriving.client), sender->deadline);
    sender->done.notify_all();
}

void MessageVerification::header(const mail::Header& header) {
    const bool is_binary = sender_->arriving.body == mail::BodyType::binary_mime;
    streams_ = std::make_unique<Streams>(
        header, is_binary ? mailauth::BareLineEnds::literal : mailauth::BareLineEnds::converted, options_->sealing);
}

void MessageVerification::body(std::string_view octets) { streams_->bodies->update(octets); }

Task<Findings> MessageVerification::finish() {
    const Deadline begin = Clock::now();
    const Deadline before_dmarc = begin + limit_before_dmarc(*options_);
    const auto now = WallClock::now();
    Findings findings;
    findings.client_address = sender_->arriving.client.text();
    findings.dkim = co_await resolve_in_shares(resolver_, streams_->dkim.finish(now), before_dmarc);
    findings.arc = co_await resolve_in_shares(resolver_, streams_->arc.finish(now), before_dmarc);
    while (!sender_->spf || !sender_->iprev) co_await sender_->done.wait();  // ends by its own deadline
    findings.iprev = sender_->iprev;
    findings.spf.push_back(*sender_->spf);
    findings.dmarc = co_await resolve_in_shares(resolver_,
                                                mailauth::check_dmarc({.from_fields = streams_->from,
                                                                       .spf = findings.spf.front(),
                                                                       .dkim = *findings.dkim,
                                                                       .arc = *findings.arc,
                                                                       .trusted_sealers = options_->trusted_sealers}),
                                                begin + options_->time_limit);
    co_return findings;
}

std::optional<mailauth::ArcSealer> MessageVerification::take_sealer() {
    return std::exchange(streams_->sealer, std::nullopt);
}

std::unique_ptr<MessageVerification> Verifier::begin(ArrivingMail arriving) {
    auto options = options_.load();
    if (std::ranges::any_of(options->trusted_networks,
                            [&](const dns::Network& network) { return network.contains(arriving.client); }))
        return nullptr;
    return std::make_unique<MessageVerification>(shard_, resolver_, std::move(options), std::move(arriving));
}

void remove_claims_to_be_ours(mail::SubmissionFixes& fixes, const mail::Header& header, std::string_view content,
                              std::string_view authserv_id) {
    const std::size_t others = fixes.removed.size();
    const auto forged = mailauth::forged_results(header, content, authserv_id);
    fixes.removed.insert(fixes.removed.end(), forged.begin(), forged.end());
    for (const mail::Field& field : header.fields()) {
        if (!equals_ignoring_case(field.name, quarantine_field)) continue;
        const auto begin = static_cast<std::size_t>(field.raw.data() - content.data());
        fixes.removed.emplace_back(begin, begin + field.raw.size());
    }
    if (fixes.removed.size() > others) std::ranges::sort(fixes.removed);
}

mail::SubmissionFixes fixes_for_arrival(const mail::Header& header, std::string_view content,
                                        const VerificationOptions& options, const Findings& findings, mail::Utf8 utf8,
                                        const std::optional<std::string>& marked) {
    mail::SubmissionFixes fixes;
    remove_claims_to_be_ours(fixes, header, content, options.authserv_id);
    fixes.separator_offset = mail::missing_separator(header, content);
    fixes.prefix =
        mailauth::authentication_results_field(mailauth::reported_results(options.authserv_id, findings), utf8);
    if (marked) fixes.prefix += fmt::format("{}: {}\r\n", quarantine_field, *marked);
    return fixes;
}

mailauth::ArcSealRequest seal_request(const VerificationOptions& options, const Findings& findings, mail::Utf8 utf8,
                                      WallClock::time_point now) {
    return {.chain = findings.arc ? findings.arc->result : mailauth::ArcResult::none,
            .results = mailauth::reported_results(options.authserv_id, findings),
            .utf8 = utf8,
            .time = now,
            .signed_names = {}};
}

}  // namespace relevo

#include "core/signing/message_signer.h"

#include "core/tenancy/administration.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

constexpr std::chrono::hours warn_again_after{1};
constexpr std::size_t warned_limit = 10'000;
constexpr auto second_bounds = std::to_array({0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1.0});

// "From :" with white space before the colon is obsolete but still a From to readers (RFC 5322 §4.5).
bool is_from(const mail::Field& field) { return equals_ignoring_case(trimmed(field.name), "From"); }

// "example.com (a, b), relay.example (c)"
std::string signers_of(std::span<const mailauth::DkimIdentity> identities) {
    std::string text;
    for (std::size_t i = 0; i < identities.size(); ++i) {
        const bool is_same = i > 0 && identities[i - 1].domain == identities[i].domain;
        if (is_same)
            text += fmt::format(", {}", identities[i].selector);
        else
            text += fmt::format("{}{} ({}", i > 0 ? "), " : "", identities[i].domain, identities[i].selector);
    }
    return text.empty() ? text : text + ")";
}

}  // namespace

void StreamedBody::receive(std::string_view piece) {
    piece.remove_prefix(header_end_.take(piece));
    if (!piece.empty()) signer_.update(piece);
}

mailauth::DkimSigner StreamedBody::finish(std::string_view arrived, std::size_t body_offset) && {
    if (body_offset == header_end_.offset()) return std::move(signer_);
    mailauth::DkimSigner again(bare_line_ends_);
    again.update(arrived.substr(body_offset));
    return again;
}

SignerMetrics::SignerMetrics(Metrics& metrics)
    : signatures(metrics.counter("relevo_dkim_signatures_total", "DKIM signatures made")),
      seals(metrics.counter("relevo_arc_seals_total", "Messages from outside that were sealed")),
      unsigned_messages(metrics.counter("relevo_dkim_unsigned_messages_total",
                                        "Submitted messages without a signature of their author's domain")),
      failures(metrics.counter("relevo_dkim_failures_total", "Messages that could not be signed")),
      seconds(metrics.histogram("relevo_dkim_signing_seconds", "Time to sign one message, its body being hashed",
                                second_bounds)) {}

const Domain* author_domain(const Directory& directory, const Identity& identity, std::span<const mail::Field> header) {
    if (!identity.is_known()) return nullptr;
    if (std::ranges::count_if(header, is_from) != 1) return nullptr;
    const auto authors = mail::parse_address_list(std::ranges::find_if(header, is_from)->value);
    if (!authors.has_value() || authors->empty() || authors->front().has_address_literal()) return nullptr;
    const auto name = comparable_domain(authors->front().domain());
    const Domain* row = name.has_value() ? directory.domain_for(*name) : nullptr;
    const bool is_ours = row != nullptr && row->tenant == identity.tenant && row->ownership != Ownership::pending;
    return is_ours ? row : nullptr;
}

MessageSigner::Signed MessageSigner::sign_submission(const Directory& directory, const Identity& identity,
                                                     std::span<const mail::Field> header,
                                                     std::optional<mailauth::DkimSigner> signer,
                                                     WallClock::time_point now) {
    const auto ring = ring_();
    const Domain* author = author_domain(directory, identity, header);
    if (author == nullptr || !signer || !ring->signs(author->id)) {
        metrics_.unsigned_messages.add();
        if (author != nullptr) warn_of_unsigned(*author);
    }
    if (!signer) return {};
    return sign(author != nullptr ? ring->identities_for(author->id) : ring->service(), header, *signer, now);
}

MessageSigner::Signed MessageSigner::sign_report(std::string_view content, WallClock::time_point now) {
    const auto ring = ring_();
    const auto header = mail::Header::parse(content);
    if (ring->service().empty() || !header.has_value()) return {};
    mailauth::DkimSigner signer;
    signer.update(content.substr(header->body_offset()));
    return sign(ring->service(), header->fields(), signer, now);
}

MessageSigner::Signed MessageSigner::sign(std::span<const mailauth::DkimIdentity> identities,
                                          std::span<const mail::Field> header, mailauth::DkimSigner& signer,
                                          WallClock::time_point now) {
    if (identities.empty()) return {};
    const Deadline began = Clock::now();
    auto fields = signer.sign(header, identities, now, lifetime_.load());
    if (!fields.has_value()) {
        metrics_.failures.add();
        log_.error("dkim.not_signed", {{"domain", identities.front().domain}, {"problem", fields.error().detail}});
        return {};
    }
    metrics_.signatures.add(identities.size());
    metrics_.seconds.observe(std::chrono::duration<double>(Clock::now() - began).count());
    return {.fields = *std::move(fields), .by = signers_of(identities)};
}

MessageSigner::Signed MessageSigner::seal(std::span<const mail::Field> header, const mailauth::ArcSealRequest& request,
                                          mailauth::ArcSealer sealer) {
    const auto ring = ring_();
    const auto identity = std::ranges::find_if(ring->service(), [](const mailauth::DkimIdentity& one) {
        return one.key.algorithm() == mailauth::SigningAlgorithm::rsa_sha256;
    });
    if (identity == ring->service().end()) {
        warn_of_unsealed();
        return {};
    }
    auto fields = sealer.seal(header, request, *identity);
    if (fields.has_value()) {
        metrics_.seals.add();
        return {.fields = *std::move(fields), .by = signers_of({identity, 1})};
    }
    // Chains that ended and messages with too many fields are what strangers send, no fault of ours.
    if (fields.error().kind != ErrorKind::refused && fields.error().kind != ErrorKind::limit) {
        metrics_.failures.add();
        log_.error("arc.not_sealed", {{"domain", identity->domain}, {"problem", fields.error().detail}});
    }
    return {};
}

bool MessageSigner::may_warn_of(DomainId domain) {
    const Deadline now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (warned_.size() >= warned_limit) warned_.clear();
    Deadline& quiet_until = warned_[domain];
    if (now < quiet_until) return false;
    quiet_until = now + warn_again_after;
    return true;
}

void MessageSigner::warn_of_unsealed() {
    if (!may_warn_of(DomainId{})) return;
    log_.warning("arc.unsealed", {{"problem",
                                   "mail from outside goes on without a seal: signing.service_domain has no RSA key "
                                   "that signs yet; publish the records that `relevo dkim show` names for it"}});
}

void MessageSigner::warn_of_unsigned(const Domain& domain) {
    if (!may_warn_of(domain.id)) return;
    log_.warning(
        "dkim.unsigned",
        {{"domain", domain.name},
         {"problem", "its mail goes out without a signature: publish the records that `relevo dkim show` names"}});
}

}  // namespace relevo

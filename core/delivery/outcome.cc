#include "core/delivery/outcome.h"

#include "lib/base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

struct StageName {
    smtp::ClientStage client;
    bounces::ReplyStage reply;
};
constexpr auto stage_names = std::to_array<StageName>({{smtp::ClientStage::greeting, bounces::ReplyStage::greeting},
                                                       {smtp::ClientStage::ehlo, bounces::ReplyStage::hello},
                                                       {smtp::ClientStage::mail, bounces::ReplyStage::mail},
                                                       {smtp::ClientStage::rcpt, bounces::ReplyStage::recipient},
                                                       {smtp::ClientStage::data, bounces::ReplyStage::content},
                                                       {smtp::ClientStage::content, bounces::ReplyStage::content},
                                                       {smtp::ClientStage::end_of_data, bounces::ReplyStage::content}});

bounces::ReplyStage reply_stage(std::string_view stage) {
    const auto* const found =
        std::ranges::find(stage_names, stage, [](const StageName& known) { return smtp::name_of(known.client); });
    return found != stage_names.end() ? found->reply : bounces::ReplyStage::unknown;
}

Outcome outcome_of(const smtp::Reply& reply) {
    if (reply.code >= 200 && reply.code < 300) return Outcome::delivered;
    return reply.is_permanent() ? Outcome::failed : Outcome::deferred;
}

// A reply without an enhanced status says only its class (RFC 3463 §3.1: X.0.0).
std::string status_of(const smtp::Reply& reply, Outcome outcome) {
    if (reply.status) return reply.status->text();
    switch (outcome) {
        case Outcome::delivered: return "2.0.0";
        case Outcome::failed:
        case Outcome::expired: return "5.0.0";
        case Outcome::deferred: return "4.0.0";
    }
    return "5.0.0";
}

}  // namespace

AttemptResult judge(std::uint32_t ordinal, const smtp::RecipientResult& result, const smtp::SessionFailure& failure,
                    bool dsn_relayed) {
    AttemptResult judged;
    judged.ordinal = ordinal;
    judged.stage = smtp::name_of(result.stage);
    if (result.reply.code == 0) {
        judged.outcome = Outcome::deferred;
        judged.status = "4.4.2";
        judged.explanation = failure.detail.empty() ? "the connection broke" : failure.detail;
        return judged;
    }
    judged.outcome = result.accepted ? Outcome::delivered : outcome_of(result.reply);
    if (!result.accepted && judged.outcome == Outcome::delivered) judged.outcome = Outcome::deferred;
    judged.status = status_of(result.reply, judged.outcome);
    judged.reply = result.reply.one_line();
    judged.dsn_relayed = dsn_relayed;
    return judged;
}

AttemptResult judge(std::uint32_t ordinal, const RoutingProblem& problem) {
    AttemptResult judged;
    judged.ordinal = ordinal;
    judged.outcome = problem.permanent ? Outcome::failed : Outcome::deferred;
    judged.status = problem.status.text();
    judged.explanation = problem.text;
    judged.stage = "routing";
    return judged;
}

RoutingProblem problem_of(const smtp::SessionFailure& failure, const PeerFacts& peer) {
    const std::string where = fmt::format("{} [{}]", peer.host, peer.endpoint.address.text());
    if (failure.reply.code == 0)
        return {.permanent = false, .status = {4, 4, 2}, .text = fmt::format("{}: {}", where, failure.detail)};
    return {.permanent = false,
            .status = failure.reply.status && failure.reply.is_transient() ? *failure.reply.status
                                                                           : smtp::EnhancedStatus{4, 4, 0},
            .text = fmt::format("{} refused at {}: {}", where, smtp::name_of(failure.stage), failure.reply.one_line())};
}

void classify(AttemptResult& result, const PeerFacts* peer, std::string_view domain,
              const bounces::PatternTable& patterns) {
    if (result.outcome == Outcome::delivered) {
        result.kind = bounces::BounceClass::delivered;
        result.nature = bounces::BounceNature::not_a_bounce;
        return;
    }
    bounces::ReplyFacts facts = bounces::read_reply(result.reply.empty() ? result.explanation : result.reply);
    // "5.0.0" of ours says no more than the code does.
    if (facts.status.empty() && !result.status.ends_with(".0.0")) facts.status = result.status;
    const bool knows_host = peer != nullptr && !patterns.provider_of(peer->host).empty();
    facts.host = knows_host ? std::string_view(peer->host) : domain;
    if (const auto stage = reply_stage(result.stage); stage != bounces::ReplyStage::unknown) facts.stage = stage;
    // Our own words are not what servers write: the status that we put beside them is exact.
    const std::string_view words = facts.text;
    if (facts.code == 0) facts.text = {};
    bounces::ReplyVerdict verdict = bounces::classify_reply(facts, patterns);
    if (facts.code == 0 && verdict.basis >= bounces::VerdictBasis::code) {
        facts.text = words;
        verdict = bounces::classify_reply(facts, patterns);
    }
    result.kind = verdict.kind;
    result.nature = verdict.nature;
    // What is tried again is not given up.
    if (result.outcome == Outcome::deferred && result.nature == bounces::BounceNature::hard)
        result.nature = bounces::BounceNature::soft;
}

std::string event_detail(const AttemptResult& result, const AttemptFacts& facts) {
    JsonWriter json;
    json.field("recipient", facts.recipient)
        .field("attempt", facts.attempt)
        .field("destination", facts.destination)
        .field("site", facts.site)
        .field("route", facts.route);
    if (facts.peer != nullptr)
        json.field("host", facts.peer->host)
            .field("address", facts.peer->endpoint.address.text())
            .field("port", facts.peer->endpoint.port)
            .field("source", facts.peer->source)
            .field("tls", facts.peer->tls);
    json.field("stage", result.stage).field("status", result.status);
    if (result.outcome != Outcome::delivered)
        json.field("class", name_of(result.kind)).field("nature", name_of(result.nature));
    json.optional("reply", result.reply)
        .optional("explanation", result.explanation)
        .optional("transcript", facts.transcript);
    json.field("duration_ms", facts.duration.count());
    if (facts.next_attempt) json.field("next_attempt", milliseconds_of(*facts.next_attempt));
    return json.finish();
}

}  // namespace relevo

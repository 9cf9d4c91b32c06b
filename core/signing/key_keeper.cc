#include "core/signing/key_keeper.h"

#include "core/signing/keys.h"
#include "core/signing/publication.h"
#include "core/tenancy/administration.h"

#include <algorithm>
#include <map>
#include <utility>

namespace relevo {
namespace {

using mailauth::SigningAlgorithm;

constexpr std::chrono::seconds refresh_interval{2};

bool is_waiting(const KeyRow& key) { return key.state == KeyState::next || key.state == KeyState::published; }

// `keys` as they are now, with what the DNS showed of them.
std::vector<KeyRow> with_findings(std::vector<KeyRow> keys, const std::vector<RecordFinding>& findings) {
    for (KeyRow& key : keys) {
        const auto finding = std::ranges::find(findings, record_host(key.selector, key.name), &RecordFinding::host);
        if (finding != findings.end() && finding->presence != Presence::unknown) key.presence = finding->presence;
    }
    return keys;
}

// One key of each algorithm asked for, if it was made in time.
const mailauth::SigningKey* made_key(const std::vector<mailauth::SigningKey>& made, SigningAlgorithm algorithm) {
    const auto found = std::ranges::find(made, algorithm, &mailauth::SigningKey::algorithm);
    return found == made.end() ? nullptr : &*found;
}

Result<KeyRow> add_row(Transaction& transaction, KeyVault& vault, const mailauth::SigningKey& key, DomainId domain,
                       std::string_view name, WallClock::time_point now) {
    RELEVO_TRY(std::string selector, choose_selector(transaction, name, key.algorithm(), now));
    RELEVO_TRY(KeyRow row, sealed_row(vault, key, domain, name, std::move(selector), now));
    RELEVO_CHECK(insert_key(transaction, row));
    return row;
}

Result<std::vector<KeyRow>> current_keys(Reader& reader, DomainId domain, std::string_view name) {
    return domain ? keys_of(reader, domain) : keys_of_service(reader, name);
}

}  // namespace

KeyKeeperMetrics::KeyKeeperMetrics(Metrics& metrics)
    : signing_domains(
          metrics.gauge("relevo_dkim_domains", "Domains by whether a key of theirs signs", {{"state", "signing"}})),
      unsigned_domains(
          metrics.gauge("relevo_dkim_domains", "Domains by whether a key of theirs signs", {{"state", "unsigned"}})),
      missing_records(metrics.gauge("relevo_dkim_missing_records",
                                    "Keys that sign, or did lately, whose record is not in the DNS")) {}

// What the workers of one round share.
struct KeyKeeper::Round {
    Round(Shard& shard, std::function<bool()> must_stop) : stopping(std::move(must_stop)), finished(shard) {}
    std::function<bool()> stopping;
    std::vector<Subject> subjects;
    std::size_t next = 0;
    std::size_t working = 0;
    Scope scope = Scope::what_waits;
    std::size_t keys_allowed = 0;
    bool has_changed = false;
    Deadline refresh_from{};  // not more often than that: each time everything is loaded
    Wakeup finished;
};

Task<Result<std::vector<KeyKeeper::Subject>>> KeyKeeper::read_subjects(std::optional<DomainId> only) {
    std::vector<Domain> domains;
    std::vector<KeyRow> keys;
    RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(domains, list_domains(reader));
        RELEVO_TRY(keys, list_keys(reader));
        return {};
    }));
    std::vector<Subject> subjects;
    if (!options_.service_domain.empty() && !only.value_or(DomainId{}))
        subjects.push_back({.row = {}, .name = options_.service_domain, .keys = {}});
    for (Domain& domain : domains)
        if (!only || *only == domain.id) {
            std::string name = domain.name;
            subjects.push_back({.row = std::move(domain), .name = std::move(name), .keys = {}});
        }
    std::map<std::pair<DomainId, std::string_view>, std::size_t> places;
    for (std::size_t i = 0; i < subjects.size(); ++i)
        places.emplace(std::pair(subjects[i].id(), std::string_view(subjects[i].name)), i);
    for (KeyRow& key : keys) {
        const auto place = places.find({key.domain, key.name});
        if (place != places.end()) subjects[place->second].keys.push_back(std::move(key));
    }
    co_return subjects;
}

Task<> KeyKeeper::round(std::function<bool()> stopping) {
    auto round = std::make_shared<Round>(ports_.shard, std::move(stopping));
    auto subjects = co_await read_subjects({});
    if (!subjects.has_value()) {
        ports_.log.error("dkim.round_failed", {{"problem", subjects.error().detail}});
        co_return;
    }
    round->subjects = *std::move(subjects);
    round->keys_allowed = options_.keys_made_in_round;
    if (Clock::now() >= look_at_all_again_) {
        round->scope = Scope::everything;
        look_at_all_again_ = Clock::now() + options_.look_again_after;
    }
    count(round->subjects);
    const std::size_t workers = std::min(options_.domains_at_once, round->subjects.size());
    round->working = workers;  // before any of them starts: one without work ends at once
    for (std::size_t i = 0; i < workers; ++i) ports_.shard.spawn(work_through(round));
    while (round->working > 0) co_await round->finished.wait();
    if (round->has_changed) co_await refresh(*round);
}

// What changed takes effect while the round goes on: some domain's name servers may keep it waiting for minutes.
Task<> KeyKeeper::refresh(Round& round) {
    round.has_changed = false;
    round.refresh_from = Clock::now() + refresh_interval;
    if (const auto changed = co_await ports_.changed(); !changed.has_value())
        ports_.log.error("dkim.round_failed", {{"problem", changed.error().detail}});
}

Task<> KeyKeeper::work_through(std::shared_ptr<Round> round) {
    while (round->next < round->subjects.size() && !round->stopping()) {
        const Subject& subject = round->subjects[round->next++];
        DomainVisit visit = co_await look(subject, round->scope);
        const auto acted = co_await act(subject, visit, round->keys_allowed);
        if (!acted.has_value())
            ports_.log.error("dkim.round_failed", {{"domain", subject.name}, {"problem", acted.error().detail}});
        round->has_changed = round->has_changed || visit.has_changed;
        if (round->has_changed && Clock::now() >= round->refresh_from) co_await refresh(*round);
    }
    --round->working;
    round->finished.notify_one();
}

Task<Result<DomainVisit>> KeyKeeper::visit(DomainId domain) {
    RELEVO_CO_TRY(const std::vector<Subject> subjects, co_await read_subjects(domain));
    if (subjects.empty()) co_return failure(ErrorKind::not_found, "there is no such domain");
    DomainVisit visit = co_await look(subjects.front(), Scope::everything);
    std::size_t keys_allowed = options_.rotation.algorithms.size();
    RELEVO_CO_CHECK(co_await act(subjects.front(), visit, keys_allowed));
    if (visit.has_changed) RELEVO_CO_CHECK(co_await ports_.changed());
    co_return visit;
}

// --- the DNS

Task<DomainVisit> KeyKeeper::look(const Subject& subject, Scope scope) {
    DomainVisit visit;
    const bool is_pending = subject.row && subject.row->ownership == Ownership::pending;
    if (is_pending && !subject.row->challenge.empty()) {
        visit.findings.push_back(co_await look_at_challenge(*subject.row));
        visit.is_proven = visit.findings.back().presence == Presence::present;
    }
    for (const KeyRow& key : subject.keys) {
        const bool worth_it = is_waiting(key) || (scope == Scope::everything && key.state != KeyState::withdrawn);
        if (!worth_it) continue;
        visit.findings.push_back(co_await look_at_key(key));
        // Nobody but who can change the DNS of the domain could publish a key that was made for this row alone.
        const bool is_there = visit.findings.back().presence == Presence::present;
        visit.is_proven = visit.is_proven || (is_pending && is_there);
    }
    co_return visit;
}

Task<RecordFinding> KeyKeeper::look_at_key(const KeyRow& key) {
    RecordFinding finding{.host = record_host(key.selector, key.name),
                          .expected = key.record,
                          .presence = Presence::unknown,
                          .problem = {},
                          .texts = {}};
    const auto answer =
        co_await ports_.resolver.query(finding.host, dns::RecordType::txt, Clock::now() + options_.dns_timeout);
    if (answer.has_value()) {
        finding.presence = presence_of(key, *answer);
        if (finding.presence == Presence::different) finding.texts = answer->texts;
    } else {
        finding.problem = answer.error().detail;
    }
    co_return finding;
}

Task<RecordFinding> KeyKeeper::look_at_challenge(const Domain& domain) {
    RecordFinding finding{.host = challenge_host(domain.name),
                          .expected = challenge_text(domain.challenge),
                          .presence = Presence::unknown,
                          .problem = {},
                          .texts = {}};
    const auto answer =
        co_await ports_.resolver.query(finding.host, dns::RecordType::txt, Clock::now() + options_.dns_timeout);
    if (!answer.has_value()) {
        finding.problem = answer.error().detail;
    } else if (proves_ownership(domain, *answer)) {
        finding.presence = Presence::present;
    } else {
        finding.presence = answer->texts.empty() ? Presence::absent : Presence::different;
        finding.texts = answer->texts;
    }
    co_return finding;
}

// --- what follows from it

Task<std::vector<mailauth::SigningKey>> KeyKeeper::make_keys(const Subject& subject, const std::vector<KeyRow>& seen,
                                                             std::size_t& keys_allowed) {
    std::vector<mailauth::SigningKey> made;
    for (const SigningAlgorithm algorithm : plan_rotation(seen, options_.rotation, WallClock::now()).new_keys) {
        if (keys_allowed == 0) break;
        --keys_allowed;
        auto key = co_await make_key(ports_.maker, algorithm);
        if (key.has_value())
            made.push_back(*std::move(key));
        else
            ports_.log.error("dkim.key_not_made", {{"domain", subject.name}, {"problem", key.error().detail}});
    }
    co_return made;
}

Task<Result<void>> KeyKeeper::act(const Subject& subject, DomainVisit& visit, std::size_t& keys_allowed) {
    const auto now = WallClock::now();
    const std::vector<KeyRow> seen = with_findings(subject.keys, visit.findings);
    const bool shows_news = !std::ranges::equal(seen, subject.keys, {}, &KeyRow::presence, &KeyRow::presence);
    const RotationPlan expected = plan_rotation(seen, options_.rotation, now);
    if (!shows_news && !visit.is_proven && expected.moves.empty() && expected.new_keys.empty())
        co_return Result<void>();
    const std::vector<mailauth::SigningKey> fresh = co_await make_keys(subject, seen, keys_allowed);

    // Decided again on the rows as they are now: another visit may have come first.
    std::vector<KeyMove> moves;
    std::vector<KeyRow> made;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        moves.clear();
        made.clear();
        if (subject.row) {
            const auto still_there = domain_by_id(transaction, subject.id());
            if (!still_there.has_value())
                return still_there.error().kind == ErrorKind::not_found ? Result<void>()
                                                                        : std::unexpected(still_there.error());
            if (visit.is_proven && still_there->ownership == Ownership::pending)
                RELEVO_CHECK(set_ownership(transaction, subject.id(), Ownership::verified, now));
        }
        RELEVO_TRY(const std::vector<KeyRow> before, current_keys(transaction, subject.id(), subject.name));
        const std::vector<KeyRow> after = with_findings(before, visit.findings);
        for (std::size_t i = 0; i < before.size(); ++i)
            if (after[i].presence != before[i].presence)
                RELEVO_CHECK(set_presence(transaction, after[i], after[i].presence, now));
        const RotationPlan plan = plan_rotation(after, options_.rotation, now);
        for (const KeyMove& move : plan.moves) RELEVO_CHECK(move_key(transaction, move.key, move.to, now));
        for (const SigningAlgorithm algorithm : plan.new_keys)
            if (const mailauth::SigningKey* key = made_key(fresh, algorithm)) {
                RELEVO_TRY(KeyRow row, add_row(transaction, ports_.vault, *key, subject.id(), subject.name, now));
                made.push_back(std::move(row));
            }
        moves = plan.moves;
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(ports_.committer, std::move(request)));
    visit.has_changed = visit.is_proven || !moves.empty() || !made.empty();
    if (visit.is_proven) ports_.log.info("domain.verified", {{"domain", subject.name}});
    tell(subject, moves, made, seen);
    co_return Result<void>();
}

void KeyKeeper::tell(const Subject& subject, const std::vector<KeyMove>& moves, const std::vector<KeyRow>& made,
                     const std::vector<KeyRow>& seen) {
    for (const KeyRow& key : made)
        ports_.log.info("dkim.key_made", {{"domain", subject.name},
                                          {"selector", key.selector},
                                          {"algorithm", mailauth::name_of(key.algorithm)},
                                          {"publish", record_host(key.selector, key.name)}});
    for (const KeyMove& move : moves)
        ports_.log.info("dkim.key_moved", {{"domain", subject.name},
                                           {"selector", move.key.selector},
                                           {"from", name_of(move.key.state)},
                                           {"to", name_of(move.to)}});
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const bool is_used = seen[i].state == KeyState::active || seen[i].state == KeyState::retiring;
        const bool is_gone = seen[i].presence == Presence::absent || seen[i].presence == Presence::different;
        if (!is_used || !is_gone || subject.keys[i].presence == seen[i].presence) continue;
        ports_.log.warning("dkim.record_missing",
                           {{"domain", subject.name},
                            {"selector", seen[i].selector},
                            {"publish", record_host(seen[i].selector, seen[i].name)},
                            {"problem", "signatures of this key cannot be verified: its record is not in the DNS"}});
    }
}

void KeyKeeper::count(const std::vector<Subject>& subjects) {
    std::int64_t signing = 0;
    std::int64_t missing = 0;
    for (const Subject& subject : subjects) {
        const bool signs =
            std::ranges::any_of(subject.keys, [](const KeyRow& key) { return key.state == KeyState::active; });
        signing += signs ? 1 : 0;
        for (const KeyRow& key : subject.keys) {
            const bool is_used = key.state == KeyState::active || key.state == KeyState::retiring;
            missing += is_used && (key.presence == Presence::absent || key.presence == Presence::different) ? 1 : 0;
        }
    }
    ports_.metrics.signing_domains.set(signing);
    ports_.metrics.unsigned_domains.set(static_cast<std::int64_t>(subjects.size()) - signing);
    ports_.metrics.missing_records.set(missing);
}

Task<Result<std::vector<KeyRow>>> add_keys(Committer& committer, KeyVault& vault, KeyMaker& maker, DomainId domain,
                                           std::string name, RotationOptions options, WallClock::time_point now) {
    std::vector<KeyRow> keys;
    RELEVO_CO_CHECK(co_await read_rows(committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(keys, current_keys(reader, domain, name));
        return {};
    }));
    std::vector<mailauth::SigningKey> fresh;
    for (const SigningAlgorithm algorithm : keys_for_rotation(keys, options)) {
        RELEVO_CO_TRY(mailauth::SigningKey key, co_await make_key(maker, algorithm));
        fresh.push_back(std::move(key));
    }
    std::vector<KeyRow> made;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        made.clear();
        if (domain) RELEVO_CHECK(domain_by_id(transaction, domain));
        RELEVO_TRY(const std::vector<KeyRow> now_there, current_keys(transaction, domain, name));
        for (const SigningAlgorithm algorithm : keys_for_rotation(now_there, options))
            if (const mailauth::SigningKey* key = made_key(fresh, algorithm)) {
                RELEVO_TRY(KeyRow row, add_row(transaction, vault, *key, domain, name, now));
                made.push_back(std::move(row));
            }
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(committer, std::move(request)));
    co_return made;
}

}  // namespace relevo

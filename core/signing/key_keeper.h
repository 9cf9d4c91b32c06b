// Looks after keys: makes what is missing, watches the DNS, switches, retires. Proves ownership on the way.
#pragma once

#include "core/ports/committer.h"
#include "core/ports/key_vault.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/resolver.h"
#include "core/signing/key_maker.h"
#include "core/signing/model.h"
#include "core/signing/rotation.h"
#include "core/tenancy/model.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

struct KeyKeeperMetrics {
    explicit KeyKeeperMetrics(Metrics& metrics);
    Gauge &signing_domains, &unsigned_domains, &missing_records;
};

struct KeyKeeperOptions {
    RotationOptions rotation;
    std::string service_domain;                                     // A-labels; empty: none
    std::chrono::seconds dns_timeout{30};                           // for one question
    std::chrono::seconds look_again_after = std::chrono::hours(1);  // at records that were there and should be still
    std::size_t domains_at_once = 8;                                // asked about at the same time
    std::size_t keys_made_in_round = 100;                           // the rest in the next
};

// What the DNS showed of one record.
struct RecordFinding {
    std::string host;
    std::string expected;  // the text that should be there
    Presence presence = Presence::unknown;
    std::string problem;             // of the DNS, with unknown
    std::vector<std::string> texts;  // that are there instead, with different
};

struct DomainVisit {
    std::vector<RecordFinding> findings;  // the proof of ownership first, then the keys
    bool is_proven = false;               // by one of them, just now
    bool has_changed = false;             // anything at all: load directory and ring again
};

// Threads: its shard's. Two visits of one domain may overlap: what is to be done is decided again inside the
// transaction that does it.
class KeyKeeper {
 public:
    struct Ports {
        Shard& shard;
        Committer& committer;
        Resolver& resolver;
        KeyVault& vault;
        KeyMaker& maker;
        Log& log;
        KeyKeeperMetrics& metrics;
        // Something changed: whoever holds a Directory or a KeyRing loads it again.
        std::function<Task<Result<void>>()> changed;
    };
    KeyKeeper(Ports ports, KeyKeeperOptions options) : ports_(std::move(ports)), options_(std::move(options)) {}

    void set_options(KeyKeeperOptions options) { options_ = std::move(options); }
    [[nodiscard]] const KeyKeeperOptions& options() const { return options_; }

    // One look at every domain: of keys that wait each time, of those that sign every `look_again_after`. Faults of the
    // DNS leave everything as it is. Returns early once `stopping` says so.
    Task<> round(std::function<bool()> stopping);
    // One look at everything of one domain, now; DomainId{}: the service's own. Errors: not_found. io.
    Task<Result<DomainVisit>> visit(DomainId domain);

 private:
    // A domain with its keys, as rows.
    struct Subject {
        std::optional<Domain> row;  // nothing: the service's own domain
        std::string name;
        std::vector<KeyRow> keys;
        [[nodiscard]] DomainId id() const { return row ? row->id : DomainId{}; }
    };
    enum class Scope : bool { what_waits, everything };
    struct Round;

    Task<Result<std::vector<Subject>>> read_subjects(std::optional<DomainId> only);
    Task<> work_through(std::shared_ptr<Round> round);  // shared by the workers of a round
    Task<> refresh(Round& round);
    Task<DomainVisit> look(const Subject& subject, Scope scope);
    Task<RecordFinding> look_at_key(const KeyRow& key);
    Task<RecordFinding> look_at_challenge(const Domain& domain);
    Task<Result<void>> act(const Subject& subject, DomainVisit& visit, std::size_t& keys_allowed);
    Task<std::vector<mailauth::SigningKey>> make_keys(const Subject& subject, const std::vector<KeyRow>& seen,
                                                      std::size_t& keys_allowed);
    void tell(const Subject& subject, const std::vector<KeyMove>& moves, const std::vector<KeyRow>& made,
              const std::vector<KeyRow>& seen);
    void count(const std::vector<Subject>& subjects);

    Ports ports_;
    KeyKeeperOptions options_;
    Deadline look_at_all_again_{};
};

// Makes keys that wait to be published, outside of any round: for a new domain, or to rotate now. Nothing is made for
// an algorithm whose key waits already. Returns the keys made. Errors: those of maker, vault and store.
[[nodiscard]] Task<Result<std::vector<KeyRow>>> add_keys(Committer& committer, KeyVault& vault, KeyMaker& maker,
                                                         DomainId domain, std::string name, RotationOptions options,
                                                         WallClock::time_point now);

}  // namespace relevo

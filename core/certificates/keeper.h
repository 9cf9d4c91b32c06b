// Certificates by themselves: ordered, kept, put in force, renewed (RFC 8555).
#pragma once

#include "core/certificates/certificate_folder.h"
#include "core/certificates/challenge_publisher.h"
#include "core/certificates/records.h"
#include "core/events/event.h"
#include "core/ports/background.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/resolver.h"
#include "core/ports/web_pages.h"
#include "lib/acme/failure_text.h"
#include "lib/base/https_url.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace relevo {

struct KeeperOptions {
    bool enabled = false;
    HttpsUrl directory{};
    acme::ChallengeKind challenge = acme::ChallengeKind::http_01;
    std::vector<std::string> contacts{};
    std::optional<acme::ExternalAccount> external{};
    std::string trust_file{};              // "": the system's
    std::chrono::seconds renew_before{0};  // 0: a third of the life
    std::uint32_t orders_per_hour = 20;
};

// What people see of one name.
struct CertificateStatus {
    enum class State : std::uint8_t { missing, valid, expired };
    std::string name;
    State state = State::missing;
    bool is_being_ordered = false;               // or wanted at once, and about to be
    std::optional<acme::ChainFacts> facts;       // of the certificate that is kept
    WallClock::time_point due_at{};              // when it is ordered or renewed
    std::optional<acme::RenewalInfo> suggested;  // when the authority would have it renewed (RFC 9773)
    std::uint32_t failures = 0;
    acme::Explanation problem;  // why the last order failed
};
[[nodiscard]] std::string_view name_of(CertificateStatus::State state);

// Threads: one shard's.
class CertificateKeeper {
 public:
    // Of one order, pauses included: a stalling authority holds up the other names no longer. What the publisher takes
    // to show a challenge comes on top.
    static constexpr std::chrono::minutes order_time_limit{10};
    static constexpr std::chrono::seconds request_time_limit{30};
    static constexpr std::size_t most_names = 1000;

    struct Ports {
        Shard& shard;
        Resolver& resolver;
        WebPages& pages;
        Background& background;
        ChallengePublisher& publisher;
        Log& log;
        Metrics& metrics;
        // In the background; once.
        std::function<Result<std::unique_ptr<Disk>>()> open_folder;
        // The names that should have a certificate, lower case.
        std::function<std::vector<std::string>()> names;
        // In the background: a key that this name had before there was a certificate of an authority, in PEM, if any.
        std::function<std::optional<std::string>(const std::string& name)> former_key;
        // A new certificate is in the folder: new connections should use it.
        std::function<Task<Result<void>>()> installed;
        // Writes down what became of an order. The files are the state: an event that a crash swallows is not made
        // again.
        std::function<Task<>(Event)> tell;
        std::function<double()> chance;  // 0..1
        std::function<WallClock::time_point()> now = [] { return WallClock::now(); };
    };
    CertificateKeeper(Ports ports, KeeperOptions options);

    void set_options(KeeperOptions options);
    // Names may have changed.
    void reconsider() { wakeup_.notify_all(); }
    // Orders what is due, until stop().
    Task<> run();
    void stop();

    // One name that is due, or none. True: there was one.
    Task<bool> round();
    // Makes a name due now, or all; run() does the rest. Errors: not_found – a name that has no certificate to come.
    // unsupported – it is switched off. limit – the authority, or orders_per_hour, allows no order yet: text says until
    // when.
    Result<std::vector<std::string>> renew(const std::string& name);
    [[nodiscard]] std::vector<CertificateStatus> list() const;
    [[nodiscard]] const KeeperOptions& options() const { return options_; }

 private:
    struct Kept {
        CertificateRecord record;
        std::optional<acme::ChainFacts> facts;
        bool is_wanted_now = false;  // a person asked
    };
    struct Files {
        std::optional<std::string> record, chain;
    };
    Task<Result<void>> open();
    Task<Result<void>> load(std::string name);
    Task<Result<void>> take_names();
    // keeper_suggestions.cc: when the authority would have certificates renewed.
    [[nodiscard]] WallClock::time_point next_look(const Kept& kept) const;
    Task<> ask_for_suggestions();
    Task<Result<std::string>> renewal_service();
    Task<> ask_for_suggestion(std::string name, std::string service);
    Task<> take_suggestion(std::string name, Result<acme::RenewalInfo> info, std::chrono::seconds pause);
    Task<Result<std::string>> key_of(std::string file, std::function<Result<std::string>()> make);
    Task<Result<void>> write(std::string file, std::string content);
    [[nodiscard]] WallClock::time_point due(const Kept& kept) const;
    [[nodiscard]] WallClock::time_point next_due() const;
    Task<> order(std::string name);
    Task<acme::IssuanceStep> obtain(std::string name);
    Task<acme::IssuanceStep> drive(acme::Issuance& issuance, std::string name);
    Task<Result<acme::AuthorityAnswer>> ask(acme::Ask request, Deadline deadline);
    Task<Result<std::vector<dns::IpAddress>>> addresses_of(std::string host, Deadline deadline);
    Task<> keep_progress(const acme::Issuance& issuance, std::string name);
    Task<> take_certificate(std::string name, acme::Issued issued);
    Task<> take_refusal(std::string name, acme::Refusal refusal);
    void count_certificates();

    Ports ports_;
    KeeperOptions options_;
    Counter &issued_, &failed_;
    Gauge &without_, &earliest_end_;
    Wakeup wakeup_;
    std::unique_ptr<CertificateFolder> folder_;
    AccountRecord account_;
    std::map<std::string, Kept> kept_;  // the names that are wanted
    std::set<std::string> odd_names_;   // told about already
    std::string in_order_;              // the name that is being ordered
    WallClock::time_point folder_retry_{};
    WallClock::time_point no_look_before_{};  // for suggestions: the authority has none, or cannot be asked
    bool is_stopping_ = false;
};

}  // namespace relevo

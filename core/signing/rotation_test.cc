#include "core/signing/rotation.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using mailauth::SigningAlgorithm;
using std::chrono::days;

const WallClock::time_point noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + 12h};

// A domain under rotation: its rows, what its DNS shows, and a clock that the test moves.
class Domain {
 public:
    RotationOptions options;
    WallClock::time_point now = noon;
    std::vector<KeyRow> keys;
    std::map<std::string, Presence> dns;

    // One round: looks into the DNS, performs the plan. Returns whether anything was done.
    bool round() {
        for (KeyRow& key : keys)
            if (const auto shown = dns.find(key.selector); shown != dns.end()) key.presence = shown->second;
        const RotationPlan plan = plan_rotation(keys, options, now);
        for (const KeyMove& move : plan.moves) {
            KeyRow& key = *std::ranges::find(keys, move.key.selector, &KeyRow::selector);
            key.state = move.to;
            if (move.to == KeyState::active) key.activated_at = now;
            if (move.to == KeyState::retiring) key.retired_at = now;
        }
        for (const SigningAlgorithm algorithm : plan.new_keys) add(algorithm);
        return !plan.moves.empty() || !plan.new_keys.empty();
    }
    void rounds_for(std::chrono::hours time, std::chrono::hours step = 6h) {
        for (const auto end = now + time; now < end; now += step) round();
    }
    void add(SigningAlgorithm algorithm) {
        KeyRow key;
        key.algorithm = algorithm;
        key.selector = (algorithm == SigningAlgorithm::rsa_sha256 ? "r" : "e") + std::to_string(++made_[algorithm]);
        key.created_at = now;
        keys.push_back(key);
    }
    void show(const std::string& selector, Presence presence = Presence::present) { dns[selector] = presence; }
    // "r1:active e1:next"
    [[nodiscard]] std::string text() const {
        std::string all;
        for (const KeyRow& key : keys)
            all += (all.empty() ? "" : " ") + key.selector + ":" + std::string(name_of(key.state));
        return all;
    }

 private:
    std::map<SigningAlgorithm, int> made_;
};

Domain signing_domain() {
    Domain domain;
    domain.round();
    domain.show("r1");
    domain.show("e1");
    domain.round();
    return domain;
}

TEST(Rotation, MakesBothKeysAndSignsWithThemOnceTheyAreSeen) {
    Domain domain;
    EXPECT_TRUE(domain.round());
    EXPECT_EQ(domain.text(), "r1:next e1:next");
    EXPECT_FALSE(domain.round());
    domain.show("r1");
    domain.show("e1");
    EXPECT_TRUE(domain.round());
    EXPECT_EQ(domain.text(), "r1:active e1:active");
    EXPECT_FALSE(domain.round());
}

TEST(Rotation, LetsTheFirstKeysSignOneByOne) {
    Domain domain;
    domain.round();
    domain.show("r1");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:active e1:next");
    domain.now += days(30);
    EXPECT_FALSE(domain.round());
    domain.show("e1");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:active e1:active");
}

TEST(Rotation, NeverSignsWithAKeyThatWasNotSeen) {
    for (const Presence shown : {Presence::unknown, Presence::absent, Presence::different}) {
        Domain domain;
        domain.round();
        domain.show("r1", shown);
        domain.show("e1", shown);
        domain.rounds_for(days(400));
        EXPECT_EQ(domain.text(), "r1:next e1:next");
    }
}

TEST(Rotation, SwitchesWhenBothSuccessorsAreThereAndWithdrawsAWeekLater) {
    Domain domain = signing_domain();
    domain.now = noon + days(180) - 1s;
    EXPECT_FALSE(domain.round());
    domain.now = noon + days(180);
    domain.round();
    EXPECT_EQ(domain.text(), "r1:active e1:active r2:next e2:next");
    domain.show("r2");
    domain.rounds_for(days(10));
    EXPECT_EQ(domain.text(), "r1:active e1:active r2:published e2:next");
    domain.show("e2");
    const auto switched = domain.now;
    domain.round();
    EXPECT_EQ(domain.text(), "r1:retiring e1:retiring r2:active e2:active");
    domain.now = switched + days(7) - 1s;
    EXPECT_FALSE(domain.round());
    domain.now = switched + days(7);
    domain.round();
    EXPECT_EQ(domain.text(), "r1:withdrawn e1:withdrawn r2:active e2:active");
    domain.now = switched + days(180) - 1s;
    EXPECT_FALSE(domain.round());
    domain.now = switched + days(180);
    domain.round();
    EXPECT_EQ(domain.text(), "r1:withdrawn e1:withdrawn r2:active e2:active r3:next e3:next");
}

// A pair whose Ed25519 half cannot be published rotates its RSA half all the same.
TEST(Rotation, RotatesTheAlgorithmThatSignsWithoutTheOneThatNeverDid) {
    Domain domain;
    domain.round();
    domain.show("r1");
    domain.round();
    domain.now += days(180);
    domain.round();
    EXPECT_EQ(domain.text(), "r1:active e1:next r2:next");
    domain.show("r2");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:retiring e1:next r2:active");
}

// As one that was imported from another server, whose record is in the DNS already.
TEST(Rotation, LetsAKeyThatCameAloneTakeOverAlone) {
    for (const auto interval : {std::chrono::seconds(days(180)), 0s}) {
        Domain domain = signing_domain();
        domain.options.interval = interval;
        domain.add(SigningAlgorithm::rsa_sha256);
        domain.show("r2");
        domain.round();
        EXPECT_EQ(domain.text(), "r1:retiring e1:active r2:active");
        domain.rounds_for(days(8));
        EXPECT_EQ(domain.text(), "r1:withdrawn e1:active r2:active");
    }
}

TEST(Rotation, LetsAFirstKeySignWithoutRetiringTheOtherAlgorithm) {
    Domain domain;
    domain.round();
    domain.show("r1");
    domain.round();
    domain.add(SigningAlgorithm::rsa_sha256);  // asked for before e1 was in the DNS
    domain.show("e1");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:active e1:active r2:next");
    domain.show("r2");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:retiring e1:active r2:active");
}

// Only one of the two was made in time; the other follows in the next round and is waited for.
TEST(Rotation, WaitsForThePartnerThatIsDue) {
    Domain domain = signing_domain();
    domain.now += days(180);
    domain.add(SigningAlgorithm::rsa_sha256);
    domain.show("r2");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:active e1:active r2:published e2:next");
    domain.show("e2");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:retiring e1:retiring r2:active e2:active");
}

TEST(Rotation, TakesAPublishedKeyBackThatVanishes) {
    Domain domain = signing_domain();
    domain.now += days(180);
    domain.round();
    domain.show("r2");
    domain.round();
    domain.show("r2", Presence::absent);
    domain.show("e2");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:active e1:active r2:next e2:published");
    domain.show("r2");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:retiring e1:retiring r2:active e2:active");
}

// A fault leaves what was known last, so no round can act on it.
TEST(Rotation, DoesNothingWhileTheDnsSaysNothingNew) {
    Domain domain = signing_domain();
    domain.dns.clear();
    domain.rounds_for(days(170));
    EXPECT_EQ(domain.text(), "r1:active e1:active");
}

TEST(Rotation, KeepsSigningWithAKeyThatVanishes) {
    Domain domain = signing_domain();
    domain.show("r1", Presence::absent);
    domain.rounds_for(days(30));
    EXPECT_EQ(domain.text(), "r1:active e1:active");
}

TEST(Rotation, NeverRotatesByItselfWithoutAnInterval) {
    Domain domain = signing_domain();
    domain.options.interval = 0s;
    domain.now += days(3650);
    EXPECT_FALSE(domain.round());
    EXPECT_EQ(keys_for_rotation(domain.keys, domain.options).size(), 2U);
    domain.add(SigningAlgorithm::rsa_sha256);
    EXPECT_EQ(keys_for_rotation(domain.keys, domain.options), std::vector{SigningAlgorithm::ed25519_sha256});
}

TEST(Rotation, LetsAnAlgorithmGoThatIsNoLongerWanted) {
    Domain domain = signing_domain();
    domain.options.algorithms = {SigningAlgorithm::rsa_sha256};
    domain.now += days(180);
    domain.round();
    domain.show("r2");
    domain.round();
    EXPECT_EQ(domain.text(), "r1:retiring e1:retiring r2:active");
}

// security row R13: a clock that jumps back holds things up and repeats nothing; one that jumps ahead makes one new
// pair and still waits for the DNS.
TEST(Rotation, SurvivesClockJumps) {
    Domain domain = signing_domain();
    domain.now = noon - days(3650);
    EXPECT_FALSE(domain.round());
    domain.now = noon + days(3650);
    domain.rounds_for(days(2));
    EXPECT_EQ(domain.text(), "r1:active e1:active r2:next e2:next");
}

}  // namespace
}  // namespace relevo

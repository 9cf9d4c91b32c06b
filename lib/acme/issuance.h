// One certificate for one name, from the authority's directory to the chain (RFC 8555 §7.1), as steps.
#pragma once

#include "lib/acme/account_key.h"
#include "lib/acme/answers.h"
#include "lib/acme/certificate.h"

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace relevo::acme {

enum class ChallengeKind : std::uint8_t { http_01, tls_alpn_01, dns_01 };
[[nodiscard]] std::string_view name_of(ChallengeKind kind);  // as the authority calls it

struct IssuanceRequest {
    HttpsUrl directory;
    std::string name;  // A-labels, lower case
    ChallengeKind challenge = ChallengeKind::http_01;
    std::string certificate_key;                // PEM
    std::vector<std::string> contacts{};        // mail addresses
    std::optional<ExternalAccount> external{};  // for a new account
    std::string account{};                      // address of our account there; "": one is made, or found by its key
    std::string order{};                        // address of an order that was begun earlier; "": a new one
    std::string replaces{};  // the certificate that this one is in place of, by its renewal_id; "": none
};

// What the driver is to do next.
struct Ask {
    std::string url;
    std::optional<std::string> post;  // application/jose+json; nothing: GET
};
// Makes the answer to a challenge visible to the authority.
struct Publish {
    ChallengeKind kind = ChallengeKind::http_01;
    std::string name;
    std::string token;
    std::string key_authorization;
};
struct Pause {
    std::chrono::seconds duration{};
};
struct Issued {
    std::string chain;  // PEM, held against key, name and time
    ChainFacts facts;
};
// What an issuance was doing when it failed.
enum class Stage : std::uint8_t { directory, account, order, challenge, finalize, download };
struct Refusal {
    Stage stage = Stage::directory;
    std::optional<Problem> problem;                   // the authority's words, if it said some
    std::string text;                                 // what happened, without them
    std::optional<std::chrono::seconds> retry_after;  // as the authority asks
};
using IssuanceStep = std::variant<Ask, Publish, Pause, Issued, Refusal>;

struct AuthorityAnswer {
    long status = 0;
    std::string body;
    std::string nonce;     // Replay-Nonce
    std::string location;  // Location
    std::optional<std::chrono::seconds> retry_after;
};

// Threads: one at a time. Answer each step before asking for the next: Ask by answer() or fail(), Publish and Pause by
// go_on() or fail(). After Issued or Refusal there is none.
class Issuance {
 public:
    static constexpr unsigned request_limit = 60;
    static constexpr unsigned look_limit = 20;  // at one order or authorization
    static constexpr unsigned new_nonce_limit = 3;
    static constexpr std::chrono::seconds longest_pause{60};

    Issuance(IssuanceRequest request, AccountKey key);

    [[nodiscard]] IssuanceStep next();
    void answer(const AuthorityAnswer& answer, Time now);
    void go_on();
    // No answer came, or the challenge could not be published.
    void fail(const Error& error);

    // Worth keeping for the next time; "" while there is none.
    [[nodiscard]] const std::string& account() const { return request_.account; }
    [[nodiscard]] const std::string& order() const { return request_.order; }
    // Where the terms are that come with a new account.
    [[nodiscard]] const std::string& terms() const { return directory_.terms; }

 private:
    enum class State : std::uint8_t {
        directory,
        account,
        new_order,
        old_order,
        authorization,
        publish,
        respond,
        look_at_authorization,
        look_at_order,
        finalize,
        download,
        ended,
    };
    [[nodiscard]] IssuanceStep request_step();
    [[nodiscard]] IssuanceStep signed_step(const std::string& url, std::string_view payload, std::string_view account);
    [[nodiscard]] Result<std::string> account_payload() const;
    [[nodiscard]] std::string order_payload() const;
    [[nodiscard]] Stage stage() const;
    void take_page(const AuthorityAnswer& answer, Time now);
    void take_problem(const AuthorityAnswer& answer);
    void take_account(const AuthorityAnswer& answer);
    void take_order(const AuthorityAnswer& answer);
    void take_authorization(const AuthorityAnswer& answer);
    void take_chain(const AuthorityAnswer& answer, Time now);
    void follow(const Order& order, const AuthorityAnswer& answer);
    void choose(const Authorization& authorization);
    void look_again(State state, std::optional<std::chrono::seconds> retry_after);
    void refuse(std::string text, std::optional<Problem> problem = {},
                std::optional<std::chrono::seconds> retry_after = {});

    IssuanceRequest request_;
    AccountKey key_;
    Directory directory_;
    State state_ = State::directory;
    std::string nonce_;
    bool wants_nonce_ = false;  // the request in flight is for one
    bool has_published_ = false;
    bool has_new_account_ = false;  // in place of one that the authority has forgotten
    std::string authorization_;
    Challenge challenge_;
    std::string finalize_;
    std::string certificate_;
    std::optional<std::chrono::seconds> pause_;
    std::optional<IssuanceStep> end_;
    unsigned requests_ = 0;
    unsigned looks_ = 0;
    unsigned new_nonces_ = 0;
};

}  // namespace relevo::acme

// One SMTP or LMTP connection to a mail server, driven over a stream: greeting, TLS, AUTH, then transaction after
// transaction.
#pragma once

#include "core/ports/stream.h"
#include "core/routing/route.h"
#include "core/transport/demand.h"
#include "core/transport/tls_session.h"
#include "lib/smtp/client_session.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Time-outs of RFC 5321 §4.5.3.2 unless set otherwise.
struct DeliveryTimeouts {
    std::chrono::seconds connect{30};
    std::chrono::seconds greeting{300};
    std::chrono::seconds command{300};  // EHLO, STARTTLS, AUTH, MAIL, RCPT
    std::chrono::seconds data{120};     // 354 after DATA
    std::chrono::seconds content{180};  // each piece of content taken
    std::chrono::seconds end_of_data{600};
    [[nodiscard]] std::chrono::seconds of(smtp::ClientStage stage) const;
};

// What the timeline shows of the other side.
struct PeerFacts {
    std::string host;  // the name we looked up
    Endpoint endpoint;
    std::string source;  // our address
    std::string tls;     // "TLSv1.3 TLS_AES_256_GCM_SHA384, certificate verified", or why there is none
};

// How TLS with a mail server came about.
struct TlsStory {
    TransportDemand demand;
    TlsResult result = TlsResult::success;
    std::string problem;  // why it is none, for people
};

class Connection {
 public:
    // Hands a due time to waits; `before_content` is awaited before the end of data is sent.
    using BeforeContent = std::function<Task<>()>;

    // `tls`: for STARTTLS; over a stream whose TLS runs already it is not looked at.
    // `proof`: what the certificate is held against, for people; empty: as the stream says.
    Connection(std::unique_ptr<Stream> stream, smtp::ClientOptions options, std::shared_ptr<const Route> route,
               TlsClientOptions tls, DeliveryTimeouts timeouts, std::string host, std::string proof = {});

    // Greeting to readiness. False: failure() tells why.
    Task<bool> open();
    // Runs one transaction; afterwards results(). The connection may be used again if is_usable().
    Task<> deliver(smtp::Transaction transaction, const BeforeContent& before_content);
    Task<> quit();

    [[nodiscard]] bool is_usable() const { return usable_; }
    // TLS was offered and the handshake failed: an opportunistic client may come again without.
    [[nodiscard]] const TlsInfo* tls() const { return stream_->tls(); }  // nullptr: plain
    [[nodiscard]] bool tls_failed() const { return tls_failed_; }
    // What was wrong, where a handshake failed or a certificate was not verified.
    [[nodiscard]] TlsFault tls_fault() const { return tls() != nullptr ? tls()->fault : stream_->tls_fault(); }
    [[nodiscard]] const smtp::SessionFailure& failure() const { return session_.failure(); }
    [[nodiscard]] const std::vector<smtp::RecipientResult>& results() const { return session_.results(); }
    [[nodiscard]] const smtp::ServerExtensions& extensions() const { return session_.extensions(); }
    [[nodiscard]] bool dsn_relayed() const { return session_.extensions().dsn; }
    [[nodiscard]] std::string take_transcript() { return session_.take_transcript(); }
    [[nodiscard]] const PeerFacts& facts() const { return facts_; }
    // The server showed a certificate that bears out its name, or that its TLSA records name.
    [[nodiscard]] bool is_verified() const { return stream_->tls() != nullptr && stream_->tls()->verified; }
    // Whether TLSA records were asked for: if not, mail that DANE protects must not go over it.
    void set_dane_examined(bool examined) { dane_examined_ = examined; }
    [[nodiscard]] bool dane_examined() const { return dane_examined_; }
    // It was opened for mail that may go in clear (RFC 8689 §5): what the destination publishes was not asked for.
    void set_ignores_policies(bool ignores) { ignores_policies_ = ignores; }
    [[nodiscard]] bool ignores_policies() const { return ignores_policies_; }
    // What was demanded of it, and what came of TLS: for reports about destinations that use it later.
    void set_story(std::shared_ptr<const TlsStory> story) { story_ = std::move(story); }
    [[nodiscard]] const std::shared_ptr<const TlsStory>& story() const { return story_; }
    // True the first time that a destination is named.
    [[nodiscard]] bool begins_with(std::string_view destination);
    // True if the server said something while nothing was asked, or closed: an idle connection that must not be used
    // again.
    [[nodiscard]] bool has_gone() { return stream_->tls() == nullptr ? !stream_->is_silent() : stream_->has_ended(); }
    [[nodiscard]] std::uint32_t transactions() const { return transactions_; }

 private:
    enum class Stop : std::uint8_t { ready, content, done, failed, closed };
    Task<Stop> advance();
    void lose(const std::string& detail);
    Task<bool> exchange();
    Task<bool> flush();
    Task<> start_tls();
    void choose_mechanism(const std::vector<std::string>& offered);
    void answer_challenge(const std::string& challenge);
    Task<bool> send_content();
    Task<Result<void>> send_as_is(smtp::DirectContent content);
    Task<Result<void>> send_encoded();
    Deadline deadline() const { return Clock::now() + timeouts_.of(session_.stage()); }

    std::unique_ptr<Stream> stream_;
    smtp::ClientSession session_;
    std::shared_ptr<const Route> route_;
    TlsClientOptions tls_options_;
    DeliveryTimeouts timeouts_;
    PeerFacts facts_;
    std::shared_ptr<void> mechanism_;
    bool usable_ = false;
    bool tls_failed_ = false;
    std::string proof_;
    bool dane_examined_ = false;
    bool ignores_policies_ = false;
    std::shared_ptr<const TlsStory> story_;  // shared with who reports about it
    std::vector<std::size_t> known_to_;      // hashes of destinations; as many as transactions at most
    std::uint32_t transactions_ = 0;
};

}  // namespace relevo

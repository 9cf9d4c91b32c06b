#include "core/delivery/connection.h"

#include "lib/base/text.h"
#include "lib/sasl/mechanism.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t content_piece_octets = 64 * 1024;

std::string describe(const TlsInfo& tls, const std::string& proof) {
    std::string text = tls.protocol + " " + tls.cipher;
    text += tls.verified ? ", certificate verified" : ", certificate not verified";
    const std::string& by = proof.empty() ? tls.verified_by : proof;
    if (tls.verified && !by.empty()) text += " by " + by;
    if (!tls.verified && !tls.verify_error.empty()) text += " (" + tls.verify_error + ")";
    return text;
}

}  // namespace

std::chrono::seconds DeliveryTimeouts::of(smtp::ClientStage stage) const {
    switch (stage) {
        case smtp::ClientStage::connect: return connect;
        case smtp::ClientStage::greeting: return greeting;
        case smtp::ClientStage::data: return data;
        case smtp::ClientStage::content: return content;
        case smtp::ClientStage::end_of_data: return end_of_data;
        case smtp::ClientStage::quit: return std::chrono::seconds(5);
        default: return command;
    }
}

Connection::Connection(std::unique_ptr<Stream> stream, smtp::ClientOptions options, std::shared_ptr<const Route> route,
                       TlsClientOptions tls, DeliveryTimeouts timeouts, std::string host, std::string proof)
    : stream_(std::move(stream)),
      session_(std::move(options)),
      route_(std::move(route)),
      tls_options_(std::move(tls)),
      timeouts_(timeouts),
      proof_(std::move(proof)) {
    facts_ = {
        .host = std::move(host), .endpoint = stream_->peer(), .source = stream_->local().address.text(), .tls = "none"};
    if (stream_->tls() != nullptr) facts_.tls = describe(*stream_->tls(), proof_);
}

Task<bool> Connection::open() {
    const Stop stop = co_await advance();
    usable_ = stop == Stop::ready;
    // A server that does not know our secret must not pass for one that does (RFC 5802 §5).
    if (usable_ && mechanism_ && !static_cast<sasl::ClientMechanism*>(mechanism_.get())->server_is_proven()) {
        usable_ = false;
        session_.connection_lost(
            "the server did not prove that it knows the password: it may not be the one that it claims to be");
        co_await advance();
    }
    if (usable_ && stream_->tls() == nullptr)
        facts_.tls =
            session_.extensions().starttls ? "none (offered, not used)" : "none (the server does not offer STARTTLS)";
    co_return usable_;
}

Task<bool> Connection::flush() {
    while (session_.has_output()) {
        const std::string output = session_.take_output();
        const auto written = co_await stream_->write(output, deadline());
        if (written.has_value()) continue;
        session_.connection_lost(written.error().detail);
        co_return false;
    }
    co_return true;
}

// A server that breaks off at STARTTLS has TLS that does not work, as much as one whose handshake fails: if that did
// not count, its mail would wait until it expires.
void Connection::lose(const std::string& detail) {
    if (session_.stage() == smtp::ClientStage::starttls) {
        tls_failed_ = true;
        facts_.tls = "none (TLS failed at STARTTLS: " + detail + ")";
    }
    session_.connection_lost(detail);
}

// Writes what is due and waits for an answer. False: the connection broke; the session knows.
Task<bool> Connection::exchange() {
    if (!co_await flush()) co_return false;
    const auto octets = co_await stream_->read(deadline());
    if (!octets.has_value()) {
        lose(octets.error().detail);
        co_return false;
    }
    session_.receive(*octets);
    co_return true;
}

Task<> Connection::start_tls() {
    // Octets behind the 220 were sent in clear: whoever sent them, they must not become replies (security row B2).
    const auto info = co_await stream_->start_tls_client(tls_options_, deadline());
    if (!info.has_value()) {
        tls_failed_ = true;
        facts_.tls = "none (TLS handshake failed: " + info.error().detail + ")";
        session_.connection_lost("TLS handshake failed: " + info.error().detail);
        co_return;
    }
    facts_.tls = describe(*info, proof_);
    session_.tls_started();
}

void Connection::choose_mechanism(const std::vector<std::string>& offered) {
    const TlsInfo* tls = stream_->tls();
    sasl::ChannelBindings bindings;
    if (tls != nullptr)
        bindings = {.tls_exporter = tls->exporter_binding, .tls_server_end_point = tls->server_end_point_binding};
    auto chosen = sasl::choose_client_mechanism(offered, {.user = route_->user, .password = route_->password},
                                                tls != nullptr, bindings);
    if (!chosen.has_value()) return session_.connection_lost("cannot log in: " + chosen.error().detail);
    std::shared_ptr<sasl::ClientMechanism> mechanism = std::move(*chosen);
    const auto initial = mechanism->initial_response();
    if (!initial.has_value()) return session_.connection_lost("cannot log in: " + initial.error().detail);
    session_.authenticate_with(mechanism->name(),
                               initial->has_value() ? std::optional<std::string_view>(**initial) : std::nullopt);
    mechanism_ = std::move(mechanism);
}

void Connection::answer_challenge(const std::string& challenge) {
    const auto answer = static_cast<sasl::ClientMechanism*>(mechanism_.get())->respond(challenge);
    if (answer.has_value())
        session_.respond(*answer);
    else
        session_.cancel_authentication();
}

Task<Connection::Stop> Connection::advance() {
    for (;;) {
        const smtp::ClientStep step = session_.next();
        if (std::holds_alternative<smtp::ClientNeedBytes>(step)) {
            co_await exchange();
        } else if (std::holds_alternative<smtp::ClientStartTls>(step)) {
            co_await start_tls();
        } else if (const auto* choose = std::get_if<smtp::ClientChooseMechanism>(&step)) {
            choose_mechanism(*choose->mechanisms);
        } else if (const auto* challenge = std::get_if<smtp::ClientChallenge>(&step)) {
            answer_challenge(challenge->octets);
        } else if (std::holds_alternative<smtp::ClientReady>(step)) {
            co_return Stop::ready;
        } else if (std::holds_alternative<smtp::ClientSendContent>(step)) {
            co_return Stop::content;
        } else if (std::holds_alternative<smtp::ClientTransactionDone>(step)) {
            co_return Stop::done;
        } else if (std::holds_alternative<smtp::ClientFailed>(step)) {
            usable_ = false;
            co_return Stop::failed;
        } else {
            usable_ = false;
            co_return Stop::closed;
        }
    }
}

Task<bool> Connection::send_content() {
    if (!co_await flush()) co_return false;
    auto direct = session_.content_as_is();
    const auto sent = direct ? co_await send_as_is(std::move(*direct)) : co_await send_encoded();
    if (!sent.has_value()) {
        session_.connection_lost(sent.error().detail);
        co_return false;
    }
    session_.content_sent();
    co_return true;
}

// From where it lies, without a copy. Each piece has its own time.
Task<Result<void>> Connection::send_as_is(smtp::DirectContent content) {
    std::string_view prefix = content.prefix;
    do {
        const std::string_view piece = content.content.substr(0, content_piece_octets);
        content.content.remove_prefix(piece.size());
        const std::string_view terminator = content.content.empty() ? content.terminator : std::string_view();
        RELEVO_CO_CHECK(co_await stream_->write_parts({prefix, piece, terminator}, deadline()));
        prefix = {};
    } while (!content.content.empty());
    co_return Result<void>();
}

Task<Result<void>> Connection::send_encoded() {
    for (;;) {
        const std::string piece = session_.next_content_piece(content_piece_octets);
        if (piece.empty()) co_return Result<void>();
        RELEVO_CO_CHECK(co_await stream_->write(piece, deadline()));
    }
}

Task<> Connection::deliver(smtp::Transaction transaction, const BeforeContent& before_content) {
    ++transactions_;
    session_.begin(transaction);
    for (;;) {
        switch (co_await advance()) {
            case Stop::content:
                co_await before_content();
                co_await send_content();
                break;
            case Stop::done:
                // A server that also said goodbye shows it in the next step.
                usable_ = co_await advance() == Stop::ready;
                co_return;
            case Stop::ready: usable_ = true; co_return;
            case Stop::failed:
            case Stop::closed: usable_ = false; co_return;
        }
    }
}

bool Connection::begins_with(std::string_view destination) {
    const std::size_t hash = std::hash<std::string_view>()(destination);
    if (std::ranges::find(known_to_, hash) != known_to_.end()) return false;
    known_to_.push_back(hash);
    return true;
}

Task<> Connection::quit() {
    usable_ = false;
    session_.quit();
    co_await advance();
    stream_->close();
}

}  // namespace relevo

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/sasl/gsasl_exchange.h"
#include "lib/sasl/mechanism.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

namespace relevo::sasl {
namespace {

constexpr std::size_t name_octets = 255;       // RFC 4616 §2: each of the three fields
constexpr std::size_t message_octets = 12288;  // RFC 4954 §4: of a line, so of what it decodes to as well

Failed malformed(std::string detail) { return {.kind = ErrorKind::invalid, .detail = std::move(detail)}; }
Failed out_of_turn() { return malformed("an answer that nothing asked for"); }

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= name_octets && is_utf8(text) && text.find('\0') == std::string_view::npos;
}

// RFC 5802 §5.1: "If the server receives a username that contains '=' not followed by either '2C' or '3D', then the
// server MUST fail the authentication." libgsasl lets it pass as it is.
bool has_only_known_escapes(std::string_view first_message) {
    for (const std::string_view attribute : split(first_message, ',')) {
        if (!attribute.starts_with("n=") && !attribute.starts_with("a=")) continue;
        for (std::size_t at = attribute.find('=', 2); at != std::string_view::npos; at = attribute.find('=', at + 1))
            if (attribute.substr(at, 3) != "=2C" && attribute.substr(at, 3) != "=3D") return false;
    }
    return true;
}

// PLAIN (RFC 4616): [authorization identity] NUL user NUL password, in one message.
class PlainServer final : public ServerMechanism {
 public:
    ServerMechanismStep response(std::optional<std::string_view> octets) override {
        if (done_) return out_of_turn();
        if (!octets && !std::exchange(asked_, true)) return Challenge{};
        if (!octets) return out_of_turn();
        done_ = true;
        const std::vector<std::string_view> parts = split(*octets, '\0');
        if (parts.size() != 3) return malformed("PLAIN: not three parts");
        const bool names_are_good = is_name(parts[1]) && (parts[0].empty() || is_name(parts[0]));
        if (!names_are_good || !is_name(parts[2])) return malformed("PLAIN: an empty, too long or non-UTF-8 part");
        user_ = parts[1];
        return CheckPassword{
            .authorization_id = std::string(parts[0]), .user = user_, .password = std::string(parts[2])};
    }

    ServerMechanismStep password_checked(bool right) override {
        if (user_.empty()) return out_of_turn();
        std::string user = std::exchange(user_, {});
        if (!right) return Failed{.detail = "wrong user name or password"};
        return Succeeded{.user = std::move(user), .final_octets = {}};
    }

 private:
    std::string user_;
    bool asked_ = false, done_ = false;
};

// LOGIN (draft-murchison-sasl-login): user name and password, each asked for; many clients send the name at once.
class LoginServer final : public ServerMechanism {
 public:
    ServerMechanismStep response(std::optional<std::string_view> octets) override {
        switch (turn_) {
            case Turn::start:
                turn_ = Turn::user;
                if (octets) return response(octets);
                return Challenge{"Username:"};
            case Turn::user:
                turn_ = Turn::over;
                if (!octets || !is_name(*octets)) return malformed("LOGIN: an empty, too long or non-UTF-8 user name");
                user_ = *octets;
                turn_ = Turn::password;
                return Challenge{"Password:"};
            case Turn::password:
                turn_ = Turn::over;
                if (!octets || !is_name(*octets)) return malformed("LOGIN: an empty, too long or non-UTF-8 password");
                turn_ = Turn::check;
                return CheckPassword{.authorization_id = {}, .user = user_, .password = std::string(*octets)};
            case Turn::check:
            case Turn::over: break;
        }
        return out_of_turn();
    }

    ServerMechanismStep password_checked(bool right) override {
        if (std::exchange(turn_, Turn::over) != Turn::check) return out_of_turn();
        if (!right) return Failed{.detail = "wrong user name or password"};
        return Succeeded{.user = std::move(user_), .final_octets = {}};
    }

 private:
    enum class Turn : std::uint8_t { start, user, password, check, over };
    Turn turn_ = Turn::start;
    std::string user_;
};

// SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677, RFC 9266) by libgsasl. It wants salt and count before it reads the first
// message, and only that message names the user: so the message runs through a first exchange, whose answer nobody
// sees, then through a second one that knows the verifier.
class ScramServer final : public ServerMechanism {
 public:
    ScramServer(std::string name, std::string exporter_binding)
        : name_(std::move(name)), exporter_binding_(std::move(exporter_binding)) {}
    ~ScramServer() override { sodium_memzero(exporter_binding_.data(), exporter_binding_.size()); }
    ScramServer(const ScramServer&) = delete;
    ScramServer& operator=(const ScramServer&) = delete;

    ServerMechanismStep response(std::optional<std::string_view> octets) override {
        if (!octets)
            return std::exchange(turn_, Turn::first) == Turn::start ? ServerMechanismStep(Challenge{}) : give_up();
        if (octets->size() > message_octets || octets->find('\0') != std::string_view::npos) return give_up();
        switch (turn_) {
            case Turn::start:
            case Turn::first: return read_first(*octets);
            case Turn::final: return read_final(*octets);
            case Turn::verifier:
            case Turn::over: break;
        }
        return give_up();
    }

    ServerMechanismStep verifier(const ScramVerifier& verifier) override {
        if (std::exchange(turn_, Turn::over) != Turn::verifier) return out_of_turn();
        if (verifier.iterations == 0 || verifier.salt.empty() || verifier.stored_key.size() != GSASL_HASH_SHA256_SIZE ||
            verifier.server_key.size() != GSASL_HASH_SHA256_SIZE)
            return Failed{.kind = ErrorKind::refused, .detail = "this user has no usable SCRAM verifier"};
        const auto challenge = challenge_with(verifier);
        if (!challenge.has_value()) return failed(challenge.error());
        turn_ = Turn::final;
        return Challenge{*challenge};
    }

 private:
    enum class Turn : std::uint8_t { start, first, verifier, final, over };

    static Failed failed(const Error& error) { return {.kind = error.kind, .detail = "SCRAM: " + error.detail}; }
    ServerMechanismStep give_up() {
        turn_ = Turn::over;
        return malformed("SCRAM: not the message that is due");
    }

    Result<GsaslExchange> open() const {
        RELEVO_TRY(GsaslExchange exchange, GsaslExchange::start(Side::server, name_));
        if (!exporter_binding_.empty())
            RELEVO_CHECK(exchange.set(GSASL_CB_TLS_EXPORTER, encode_base64(exporter_binding_)));
        return exchange;
    }

    // Who wants to log in. Errors: refused – also "y" where -PLUS was offered: somebody on the way took it off the list
    // (RFC 5802 §6); libgsasl sees that by the binding it was given.
    Result<std::string> user_of(std::string_view first_message) const {
        RELEVO_TRY(GsaslExchange exchange, open());
        RELEVO_TRY([[maybe_unused]] const GsaslExchange::Step unseen, exchange.step(first_message));
        std::string user = exchange.get(GSASL_AUTHID);
        const std::string other = exchange.get(GSASL_AUTHZID);
        if (!is_name(user)) return failure(ErrorKind::invalid, "an empty, too long or non-UTF-8 user name");
        if (!other.empty() && other != user) return failure(ErrorKind::refused, "logging in to act as somebody else");
        return user;
    }

    ServerMechanismStep read_first(std::string_view message) {
        turn_ = Turn::over;
        if (message.starts_with("p=") && !message.starts_with("p=tls-exporter,"))
            return Failed{.kind = ErrorKind::unsupported, .detail = "SCRAM: no such channel binding"};
        if (!has_only_known_escapes(message)) return malformed("SCRAM: a name with an unknown escape");
        const auto user = user_of(message);
        if (!user.has_value()) return failed(user.error());
        user_ = *user;
        first_message_ = message;
        turn_ = Turn::verifier;
        return NeedVerifier{user_};
    }

    Result<std::string> challenge_with(const ScramVerifier& verifier) {
        RELEVO_TRY(GsaslExchange exchange, open());
        RELEVO_CHECK(exchange.set(GSASL_SCRAM_ITER, std::to_string(verifier.iterations)));
        RELEVO_CHECK(exchange.set(GSASL_SCRAM_SALT, encode_base64(verifier.salt)));
        RELEVO_CHECK(exchange.set(GSASL_SCRAM_STOREDKEY, encode_base64(verifier.stored_key)));
        RELEVO_CHECK(exchange.set(GSASL_SCRAM_SERVERKEY, encode_base64(verifier.server_key)));
        RELEVO_TRY(GsaslExchange::Step step, exchange.step(first_message_));
        exchange_ = std::move(exchange);
        return std::move(step.output);
    }

    ServerMechanismStep read_final(std::string_view message) {
        turn_ = Turn::over;
        auto step = exchange_->step(message);
        exchange_.reset();
        if (!step.has_value()) return failed(step.error());
        if (!step->finished) return malformed("SCRAM: an incomplete message");
        return Succeeded{.user = std::move(user_), .final_octets = std::move(step->output)};
    }

    std::string name_;
    std::string exporter_binding_;
    Turn turn_ = Turn::start;
    std::string user_;
    std::string first_message_;
    std::optional<GsaslExchange> exchange_;
};

// CRAM-MD5 (RFC 2195) by libgsasl: the server speaks first; it must know the password itself.
class CramMd5Server final : public ServerMechanism {
 public:
    explicit CramMd5Server(GsaslExchange exchange) : exchange_(std::move(exchange)) {}
    ~CramMd5Server() override { sodium_memzero(answer_.data(), answer_.size()); }
    CramMd5Server(const CramMd5Server&) = delete;
    CramMd5Server& operator=(const CramMd5Server&) = delete;

    ServerMechanismStep response(std::optional<std::string_view> octets) override {
        switch (std::exchange(turn_, Turn::over)) {
            case Turn::start: return octets ? malformed("CRAM-MD5 takes no initial response") : challenge();
            case Turn::answer: return octets ? read_answer(*octets) : ServerMechanismStep(out_of_turn());
            case Turn::password:
            case Turn::over: break;
        }
        return out_of_turn();
    }

    ServerMechanismStep password(std::string_view password) override {
        if (std::exchange(turn_, Turn::over) != Turn::password) return out_of_turn();
        if (password.empty()) return Failed{.detail = "no password for CRAM-MD5"};
        if (const auto set = exchange_.set(GSASL_PASSWORD, password); !set.has_value())
            return malformed(set.error().detail);
        const auto step = exchange_.step(answer_);
        if (!step.has_value()) return Failed{.kind = step.error().kind, .detail = "CRAM-MD5: " + step.error().detail};
        if (!step->finished) return malformed("CRAM-MD5: an incomplete answer");
        return Succeeded{.user = std::move(user_), .final_octets = {}};
    }

 private:
    enum class Turn : std::uint8_t { start, answer, password, over };

    ServerMechanismStep challenge() {
        auto step = exchange_.step({});
        if (!step.has_value()) return Failed{.kind = step.error().kind, .detail = "CRAM-MD5: " + step.error().detail};
        turn_ = Turn::answer;
        return Challenge{std::move(step->output)};
    }

    // "user digest": the digest holds no space, the user name may (RFC 2195 §2).
    ServerMechanismStep read_answer(std::string_view octets) {
        const std::size_t space = octets.rfind(' ');
        if (space == std::string_view::npos || octets.size() > message_octets || !is_name(octets.substr(0, space)) ||
            octets.find('\0') != std::string_view::npos)
            return malformed("CRAM-MD5: not a user name and a digest");
        user_ = octets.substr(0, space);
        answer_ = octets;
        turn_ = Turn::password;
        return NeedPassword{user_};
    }

    GsaslExchange exchange_;
    Turn turn_ = Turn::start;
    std::string user_, answer_;
};

}  // namespace

ServerMechanismStep ServerMechanism::password_checked(bool) { return out_of_turn(); }
ServerMechanismStep ServerMechanism::verifier(const ScramVerifier&) { return out_of_turn(); }
ServerMechanismStep ServerMechanism::password(std::string_view) { return out_of_turn(); }

std::vector<std::string> server_mechanisms(bool with_cram_md5) {
    std::vector<std::string> names{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"};
    if (with_cram_md5) names.emplace_back("CRAM-MD5");
    return names;
}

Result<std::unique_ptr<ServerMechanism>> make_server_mechanism(std::string_view name, const ChannelBindings& bindings,
                                                               bool offered_plus, std::string_view host_name) {
    using Made = std::unique_ptr<ServerMechanism>;
    const std::string mechanism = to_upper(name);
    const bool plus = mechanism == "SCRAM-SHA-256-PLUS";
    if (mechanism == "PLAIN") return Made(std::make_unique<PlainServer>());
    if (mechanism == "LOGIN") return Made(std::make_unique<LoginServer>());
    if (plus && (bindings.tls_exporter.empty() || !offered_plus))
        return failure(ErrorKind::unsupported, "SCRAM-SHA-256-PLUS without a channel binding");
    if (plus || mechanism == "SCRAM-SHA-256")
        return Made(std::make_unique<ScramServer>(mechanism, offered_plus ? bindings.tls_exporter : std::string()));
    if (mechanism != "CRAM-MD5") return failure(ErrorKind::unsupported, "no mechanism " + printable(name, 40));
    RELEVO_TRY(GsaslExchange exchange, GsaslExchange::start(Side::server, mechanism));
    RELEVO_CHECK(exchange.set(GSASL_HOSTNAME, host_name));
    return Made(std::make_unique<CramMd5Server>(std::move(exchange)));
}

}  // namespace relevo::sasl

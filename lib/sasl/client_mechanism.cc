#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/sasl/gsasl_exchange.h"
#include "lib/sasl/mechanism.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

namespace relevo::sasl {
namespace {

// Credentials that leave nothing behind.
class Secret {
 public:
    explicit Secret(ClientCredentials credentials) : credentials_(std::move(credentials)) {}
    ~Secret() { sodium_memzero(credentials_.password.data(), credentials_.password.size()); }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    [[nodiscard]] const std::string& user() const { return credentials_.user; }
    [[nodiscard]] const std::string& password() const { return credentials_.password; }

 private:
    ClientCredentials credentials_;
};

class PlainClient final : public ClientMechanism {
 public:
    explicit PlainClient(ClientCredentials credentials) : secret_(std::move(credentials)) {}
    std::string_view name() const override { return "PLAIN"; }
    Result<std::optional<std::string>> initial_response() override {
        std::string message(1, '\0');
        message.append(secret_.user()).append(1, '\0').append(secret_.password());
        return std::optional(std::move(message));
    }
    Result<std::string> respond(std::string_view) override {
        return failure(ErrorKind::invalid, "PLAIN: the server asks for more");
    }

 private:
    Secret secret_;
};

// The prompts are not read: servers word them as they like, but ask in one order.
class LoginClient final : public ClientMechanism {
 public:
    explicit LoginClient(ClientCredentials credentials) : secret_(std::move(credentials)) {}
    std::string_view name() const override { return "LOGIN"; }
    Result<std::optional<std::string>> initial_response() override { return std::optional<std::string>(); }
    Result<std::string> respond(std::string_view) override {
        switch (asked_++) {
            case 0: return secret_.user();
            case 1: return secret_.password();
            default: return failure(ErrorKind::invalid, "LOGIN: the server asks for more");
        }
    }

 private:
    Secret secret_;
    unsigned asked_ = 0;
};

class CramMd5Client final : public ClientMechanism {
 public:
    explicit CramMd5Client(GsaslExchange exchange) : exchange_(std::move(exchange)) {}
    std::string_view name() const override { return "CRAM-MD5"; }
    Result<std::optional<std::string>> initial_response() override { return std::optional<std::string>(); }
    Result<std::string> respond(std::string_view challenge) override {
        if (challenge.empty()) return failure(ErrorKind::invalid, "CRAM-MD5: an empty challenge");
        RELEVO_TRY(GsaslExchange::Step step, exchange_.step(challenge));
        return std::move(step.output);
    }

 private:
    GsaslExchange exchange_;
};

class ScramClient final : public ClientMechanism {
 public:
    ScramClient(std::string name, GsaslExchange exchange) : name_(std::move(name)), exchange_(std::move(exchange)) {}
    std::string_view name() const override { return name_; }

    Result<std::optional<std::string>> initial_response() override {
        RELEVO_TRY(GsaslExchange::Step step, exchange_.step({}));
        return std::optional(std::move(step.output));
    }

    Result<std::string> respond(std::string_view challenge) override {
        if (proven_) return failure(ErrorKind::invalid, "SCRAM: the server asks for more");
        if (!std::exchange(counted_, true)) RELEVO_CHECK(check_iterations(challenge));
        auto step = exchange_.step(challenge);
        if (!step.has_value())
            return failure(ErrorKind::refused, "SCRAM: the server did not prove itself: " + step.error().detail);
        proven_ = step->finished;
        return std::move(step->output);
    }

    bool server_is_proven() const override { return proven_; }

 private:
    // "i=" of the server's first message (RFC 5802 §7), before libgsasl spends the time.
    static Result<> check_iterations(std::string_view challenge) {
        for (const std::string_view attribute : split(challenge, ',')) {
            if (!attribute.starts_with("i=")) continue;
            const auto iterations = parse_decimal<std::uint32_t>(attribute.substr(2));
            if (iterations && *iterations > 0 && *iterations <= scram_iterations_limit) continue;
            return failure(ErrorKind::refused, "SCRAM: the server asks for an absurd number of iterations");
        }
        return {};
    }

    std::string name_;
    GsaslExchange exchange_;
    bool counted_ = false, proven_ = false;
};

Result<GsaslExchange> open_exchange(const std::string& name, const ClientCredentials& credentials,
                                    const ChannelBindings& bindings) {
    RELEVO_TRY(GsaslExchange exchange, GsaslExchange::start(Side::client, name));
    RELEVO_CHECK(exchange.set(GSASL_AUTHID, credentials.user));
    RELEVO_CHECK(exchange.set(GSASL_PASSWORD, credentials.password));
    // Known to plain SCRAM too: it then says "y", by which the server sees whether -PLUS was stripped from its list.
    if (!bindings.tls_exporter.empty())
        RELEVO_CHECK(exchange.set(GSASL_CB_TLS_EXPORTER, encode_base64(bindings.tls_exporter)));
    return exchange;
}

std::string list_of(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list.append(list.empty() ? "" : " ").append(printable(name, 40));
    return list.empty() ? "nothing" : list;
}

}  // namespace

Result<std::unique_ptr<ClientMechanism>> choose_client_mechanism(const std::vector<std::string>& offered,
                                                                 ClientCredentials credentials, bool tls,
                                                                 const ChannelBindings& bindings) {
    using Made = std::unique_ptr<ClientMechanism>;
    // libgsasl and PLAIN would both cut the text there.
    if (credentials.user.find('\0') != std::string::npos || credentials.password.find('\0') != std::string::npos)
        return failure(ErrorKind::unsupported, "a NUL in the user name or password");
    const auto is_offered = [&](std::string_view name) {
        return std::ranges::any_of(offered, [&](const std::string& one) { return equals_ignoring_case(one, name); });
    };
    for (const std::string name : {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}) {
        if (!is_offered(name) || (name.ends_with("-PLUS") && bindings.tls_exporter.empty())) continue;
        RELEVO_TRY(GsaslExchange exchange, open_exchange(name, credentials, bindings));
        sodium_memzero(credentials.password.data(), credentials.password.size());
        return Made(std::make_unique<ScramClient>(name, std::move(exchange)));
    }
    if (tls && is_offered("PLAIN")) return Made(std::make_unique<PlainClient>(std::move(credentials)));
    if (tls && is_offered("LOGIN")) return Made(std::make_unique<LoginClient>(std::move(credentials)));
    if (is_offered("CRAM-MD5")) {
        RELEVO_TRY(GsaslExchange exchange, open_exchange("CRAM-MD5", credentials, {}));
        sodium_memzero(credentials.password.data(), credentials.password.size());
        return Made(std::make_unique<CramMd5Client>(std::move(exchange)));
    }
    return failure(ErrorKind::unsupported, std::string("no mechanism that fits") + (tls ? "" : " without TLS") +
                                               "; the server offers " + list_of(offered));
}

}  // namespace relevo::sasl

// AUTH (RFC 4954): the mechanism's questions are answered from the directory, guessing is held back by the guard.
#include "core/policy/access.h"
#include "core/reception/replies.h"
#include "core/reception/session.h"
#include "core/tenancy/administration.h"

#include <fmt/format.h>

namespace relevo {
namespace {

LoginProblem problem_of(ReplyKey key) {
    switch (key) {
        case ReplyKey::smtp_not_enabled: return LoginProblem::smtp_off;
        case ReplyKey::credential_expired: return LoginProblem::credential_expired;
        case ReplyKey::tenant_suspended: return LoginProblem::tenant_suspended;
        case ReplyKey::source_network_not_allowed: return LoginProblem::network_not_of_credential;
        default: return LoginProblem::password_wrong;
    }
}

LoginProblem problem_of(smtp::ClientMistake mistake) {
    switch (mistake) {
        case smtp::ClientMistake::tls_at_plain_port: return LoginProblem::tls_at_plain_port;
        case smtp::ClientMistake::login_without_tls: return LoginProblem::login_without_tls;
        case smtp::ClientMistake::mechanism_not_offered: return LoginProblem::mechanism_not_offered;
        case smtp::ClientMistake::sender_without_login: return LoginProblem::no_login;
    }
    return LoginProblem::no_login;
}

// Whose the login would be: most wrong ones are the sender's address in the place of the login.
TenantId tenant_of_address(const Directory& directory, std::string_view login) {
    const auto at = login.rfind('@');
    if (at == std::string_view::npos) return {};
    const auto name = comparable_domain(login.substr(at + 1));
    const Domain* domain = name.has_value() ? directory.domain_for(*name) : nullptr;
    return domain == nullptr ? TenantId{} : domain->tenant;
}

}  // namespace

Task<> ReceptionSession::converse_about_login(smtp::ServerStep step) {
    if (const auto* started = std::get_if<smtp::AuthenticationStarted>(&step)) {
        co_await start_authentication(*started);
    } else if (const auto* response = std::get_if<smtp::AuthenticationResponse>(&step)) {
        co_await continue_authentication(response->octets);
    } else if (std::holds_alternative<smtp::AuthenticationAborted>(step)) {
        abandon_login();
    }
}

Task<> ReceptionSession::start_authentication(const smtp::AuthenticationStarted& started) {
    sasl::ChannelBindings bindings;
    const TlsInfo* tls = stream_->tls();
    if (tls != nullptr)
        bindings = {.tls_exporter = tls->exporter_binding, .tls_server_end_point = tls->server_end_point_binding};
    auto mechanism =
        sasl::make_server_mechanism(started.mechanism, bindings, tls != nullptr, listener_.session.host_name);
    if (!mechanism.has_value()) {
        session_->answer(replies::mechanism_failed(mechanism.error().detail));
        co_return;
    }
    mechanism_ = std::move(*mechanism);
    mechanism_name_ = started.mechanism;
    std::optional<std::string_view> initial;
    if (started.has_initial_response) initial = started.initial_response;
    sasl::ServerMechanismStep step = mechanism_->response(initial);
    co_await authenticate(std::move(step));
}

Task<> ReceptionSession::continue_authentication(const std::string& octets) {
    if (succeeded_login_) {  // the client's empty answer to SCRAM's last message
        finish_authentication(std::string(*succeeded_login_));
        co_return;
    }
    sasl::ServerMechanismStep step = mechanism_->response(octets);
    co_await authenticate(std::move(step));
}

Task<> ReceptionSession::authenticate(sasl::ServerMechanismStep step) {
    for (;;) {
        if (const auto* challenge = std::get_if<sasl::Challenge>(&step)) {
            session_->challenge(challenge->octets);
            co_return;
        }
        if (const auto* succeeded = std::get_if<sasl::Succeeded>(&step)) {
            if (succeeded->final_octets.empty()) {
                finish_authentication(succeeded->user);
            } else {
                succeeded_login_ = succeeded->user;
                session_->challenge(succeeded->final_octets);
            }
            co_return;
        }
        if (const auto* failed = std::get_if<sasl::Failed>(&step)) {
            refuse_authentication(*failed);
            co_return;
        }
        std::optional<sasl::ServerMechanismStep> next;
        if (const auto* password = std::get_if<sasl::CheckPassword>(&step))
            next = co_await check_password(*password);
        else if (const auto* verifier = std::get_if<sasl::NeedVerifier>(&step))
            next = give_verifier(verifier->user);
        else
            next = sasl::Failed{.kind = ErrorKind::unsupported,
                                .detail = "this mechanism needs the password in clear, which is not stored"};
        if (!next) co_return;  // already answered
        step = std::move(*next);
    }
}

// True if the guard lets this attempt through; else the client has its answer.
bool ReceptionSession::admit_login(const std::string& login) {
    const LoginGuard::Verdict verdict = reception_.ports_.shared.guard.begin(login, client_.address, WallClock::now());
    if (verdict.allowed) {
        attempted_login_ = login;
        return true;
    }
    reception_.ports_.log.warning("smtp.login_held_back", {{"listener", listener_.name},
                                                           {"client", client_.text()},
                                                           {"login", login},
                                                           {"seconds", verdict.retry_after.count()}});
    keep_failure(LoginProblem::held_back, {}, login);
    answer_login(login_held_back(verdict).reply);
    return false;
}

Task<std::optional<sasl::ServerMechanismStep>> ReceptionSession::check_password(const sasl::CheckPassword& request) {
    if (!admit_login(request.user)) co_return std::nullopt;
    if (auto enrolment = parse_enrolment_password(request.password);
        enrolment && request.authorization_id.empty() && reception_.ports_.shared.lan != nullptr)
        co_return co_await enrol(request.user, *std::move(enrolment));
    const auto directory = reception_.ports_.shared.directory.load();
    const Credential* credential = directory->credential_by_login(request.user);
    const auto right = co_await relevo::check_password(
        reception_.ports_.shared.passwords, credential != nullptr ? credential->secret.password_hash : std::string(),
        request.password);
    if (!right.has_value()) {
        answer_login(judge_login(*directory, request.user, Proof::not_checked, client_.address, WallClock::now())
                         .decision.reply);
        co_return std::nullopt;
    }
    const bool same_identity = request.authorization_id.empty() || request.authorization_id == request.user;
    co_return mechanism_->password_checked(*right && same_identity);
}

// An office brings the secret of its token and the password that it will have from now on. Whoever knows the secret is
// told what is wrong with the token; everybody else hears what any wrong password hears.
Task<std::optional<sasl::ServerMechanismStep>> ReceptionSession::enrol(std::string login, EnrolmentRequest request) {
    auto& ports = reception_.ports_;
    const auto enrolment =
        co_await ports.shared.lan->enrol(login, std::move(request.secret), std::move(request.new_password));
    if (!enrolment.has_value() && enrolment.error().kind != ErrorKind::invalid) {
        ports.log.error("lan.enrolment_failed", {{"login", login}, {"problem", enrolment.error().detail}});
        answer_login(decide(ReplyKey::login_busy).reply);
        co_return std::nullopt;
    }
    const Enrolment result = enrolment.value_or(Enrolment::wrong);
    if (result == Enrolment::wrong) co_return mechanism_->password_checked(false);
    if (result == Enrolment::done) {
        ports.log.info("lan.enrolled", {{"login", login}, {"client", client_.text()}});
        co_return mechanism_->password_checked(true);
    }
    const ReplyKey key = result == Enrolment::used      ? ReplyKey::lan_token_used
                         : result == Enrolment::expired ? ReplyKey::lan_token_expired
                                                        : ReplyKey::lan_token_revoked;
    const smtp::Reply reply = decide(key).reply;
    log_refusal("AUTH", reply);
    answer_login(reply);
    co_return std::nullopt;
}

std::optional<sasl::ServerMechanismStep> ReceptionSession::give_verifier(const std::string& user) {
    if (!admit_login(user)) return std::nullopt;
    const auto directory = reception_.ports_.shared.directory.load();
    const Credential* credential = directory->credential_by_login(user);
    return mechanism_->verifier(credential != nullptr
                                    ? credential->secret.scram
                                    : sasl::decoy_verifier(user, reception_.ports_.shared.decoy_secret));
}

void ReceptionSession::answer_login(const smtp::Reply& reply) {
    abandon_login();
    session_->answer(reply);
}

// The secret was right; whether the account may send from here, now, is told precisely only after that.
void ReceptionSession::finish_authentication(std::string login) {
    auto& ports = reception_.ports_;
    const auto now = WallClock::now();
    const auto directory = ports.shared.directory.load();
    const bool worth_recording = ports.shared.guard.succeeded(login, client_.address, now);
    attempted_login_.reset();
    abandon_login();
    const LoginDecision login_decision = judge_login(*directory, login, Proof::right, client_.address, now);
    const Credential* credential = directory->credential(login_decision.identity.credential);
    if (login_decision.decision.is_accepted() && credential != nullptr) {
        log_in(login_decision.identity, *credential, worth_recording);
    } else {
        ports.metrics.failed_logins.add();
        keep_failure(problem_of(login_decision.decision.key), {}, std::move(login));
        log_refusal("AUTH", login_decision.decision.reply);
    }
    session_->answer(login_decision.decision.reply);
}

void ReceptionSession::log_in(const Identity& identity, const Credential& credential, bool worth_recording) {
    auto& ports = reception_.ports_;
    identity_ = identity;
    login_ = credential.login;
    ports.metrics.logins.add();
    ports.log.info("smtp.login", {{"listener", listener_.name},
                                  {"client", client_.text()},
                                  {"login", login_},
                                  {"mechanism", mechanism_name_},
                                  {"tls", tls_text()}});
    if (worth_recording) ports.shared.login_succeeded(credential.id, client_.address, WallClock::now());
}

void ReceptionSession::note_failed_login(std::string_view problem) {
    auto& ports = reception_.ports_;
    const std::string login = attempted_login_.value_or(std::string());
    if (attempted_login_) ports.shared.guard.failed(login, client_.address, WallClock::now());
    attempted_login_.reset();
    ports.metrics.failed_logins.add();
    ports.log.warning("smtp.login_failed", {{"listener", listener_.name},
                                            {"client", client_.text()},
                                            {"login", login},
                                            {"mechanism", mechanism_name_},
                                            {"problem", problem}});
}

void ReceptionSession::refuse_authentication(const sasl::Failed& failed) {
    const std::string login = attempted_login_.value_or(std::string());
    note_failed_login(failed.detail);
    const bool is_refused = failed.kind == ErrorKind::refused;
    keep_failure(is_refused ? LoginProblem::password_wrong : LoginProblem::exchange_broken,
                 is_refused ? std::string() : failed.detail, login);
    abandon_login();
    if (failed.kind != ErrorKind::refused) return session_->answer(replies::mechanism_failed(failed.detail));
    const auto directory = reception_.ports_.shared.directory.load();
    session_->answer(judge_login(*directory, login, Proof::wrong, client_.address, WallClock::now()).decision.reply);
}

// Only where people log in: other mail servers meet TLS as they like.
void ReceptionSession::keep_failure(LoginProblem problem, std::string detail, std::string login) {
    FailedLogins* const book = reception_.ports_.shared.failed_logins;
    if (book == nullptr || listener_.session.authentication == smtp::Authentication::not_offered) return;
    const auto directory = reception_.ports_.shared.directory.load();
    FailedLogin failed{.problem = problem,
                       .tenant = identity_.tenant,
                       .address = client_.address,
                       .port = stream_->local().port,
                       .login = std::move(login),
                       .mechanism = mechanism_name_,
                       .client_name = session_ ? session_->client_name() : std::string(),
                       .detail = std::move(detail)};
    // No program is called so (RFC 6761 §6.4): it is a check, most likely our own, that meets refusals on purpose.
    if (failed.login.empty() && failed.client_name.ends_with(".invalid")) return;
    if (const Credential* credential = directory->credential_by_login(failed.login)) {
        failed.tenant = credential->tenant;
        failed.credential = credential->id;
    } else if (!failed.login.empty()) {
        if (problem == LoginProblem::password_wrong) failed.problem = LoginProblem::login_unknown;
        failed.tenant = tenant_of_address(*directory, failed.login);
    }
    book->note(std::move(failed), WallClock::now());
}

void ReceptionSession::keep_failed_handshake(const Error& error) {
    switch (stream_->tls_fault()) {
        case TlsFault::version_too_old: return keep_failure(LoginProblem::tls_version_old, error.detail);
        case TlsFault::certificate_refused: return keep_failure(LoginProblem::certificate_refused, error.detail);
        default: return keep_failure(LoginProblem::tls_failed, error.detail);
    }
}

void ReceptionSession::keep_mistake() {
    if (const auto mistake = session_->take_mistake()) keep_failure(problem_of(*mistake));
}

// Forgets an exchange without a verdict.
void ReceptionSession::abandon_login() {
    if (attempted_login_) reception_.ports_.shared.guard.abandoned(*attempted_login_, client_.address);
    attempted_login_.reset();
    succeeded_login_.reset();
    mechanism_.reset();
}

std::string ReceptionSession::tls_text() const {
    const TlsInfo* tls = stream_->tls();
    return tls != nullptr ? tls->protocol + ":" + tls->cipher : std::string();
}

}  // namespace relevo

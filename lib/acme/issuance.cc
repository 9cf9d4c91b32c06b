#include "lib/acme/issuance.h"

#include "lib/base/base64url.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::acme {
namespace {

constexpr std::size_t nonce_limit_octets = 512;
constexpr std::chrono::seconds first_pause{1};

std::string quoted(std::string_view text) {
    std::string json;
    append_json_string(json, text);
    return json;
}

bool is_success(long status) { return status >= 200 && status < 300; }

}  // namespace

std::string_view name_of(ChallengeKind kind) {
    switch (kind) {
        case ChallengeKind::http_01: return "http-01";
        case ChallengeKind::tls_alpn_01: return "tls-alpn-01";
        case ChallengeKind::dns_01: break;
    }
    return "dns-01";
}

Issuance::Issuance(IssuanceRequest request, AccountKey key) : request_(std::move(request)), key_(std::move(key)) {
    // What was kept may be of another authority.
    for (std::string* kept : {&request_.account, &request_.order})
        if (!kept->empty() && !checked_address(*kept, request_.directory)) kept->clear();
}

IssuanceStep Issuance::next() {
    if (end_) return *end_;
    if (pause_) return Pause{*pause_};
    if (state_ == State::publish)
        return Publish{request_.challenge, request_.name, challenge_.token, key_.authorize(challenge_.token)};
    if (++requests_ > request_limit) {
        refuse(fmt::format("the authority was asked {} times and the end is not in sight", request_limit));
        return *end_;
    }
    return request_step();
}

IssuanceStep Issuance::request_step() {
    if (state_ == State::directory) return Ask{request_.directory.text, std::nullopt};
    wants_nonce_ = nonce_.empty();
    if (wants_nonce_) return Ask{directory_.new_nonce, std::nullopt};
    switch (state_) {
        case State::account: {
            const auto payload = account_payload();
            if (payload.has_value()) return signed_step(directory_.new_account, *payload, "");
            refuse(payload.error().detail);
            return *end_;
        }
        case State::new_order: return signed_step(directory_.new_order, order_payload(), request_.account);
        case State::respond: return signed_step(challenge_.url, "{}", request_.account);
        case State::authorization:
        case State::look_at_authorization: return signed_step(authorization_, "", request_.account);
        case State::finalize: {
            const auto wanted = certificate_request(request_.certificate_key, request_.name);
            if (wanted.has_value())
                return signed_step(finalize_, fmt::format(R"({{"csr":"{}"}})", encode_base64url(*wanted)),
                                   request_.account);
            refuse(wanted.error().detail);
            return *end_;
        }
        case State::download: return signed_step(certificate_, "", request_.account);
        case State::old_order:
        case State::look_at_order:
        default: return signed_step(request_.order, "", request_.account);
    }
}

IssuanceStep Issuance::signed_step(const std::string& url, std::string_view payload, std::string_view account) {
    const auto text = key_.sign(url, nonce_, account, payload);
    nonce_.clear();  // RFC 8555 §6.5: each is used once
    if (text.has_value()) return Ask{url, *text};
    refuse(text.error().detail);
    return *end_;
}

// RFC 8555 §7.3. With the key of an account that exists the authority answers with that one.
Result<std::string> Issuance::account_payload() const {
    JsonWriter json;
    json.field("termsOfServiceAgreed", true);
    std::string contacts;
    for (const std::string& contact : request_.contacts)
        contacts += (contacts.empty() ? "" : ",") + quoted("mailto:" + contact);
    if (!contacts.empty()) json.raw("contact", "[" + contacts + "]");
    if (request_.external) {
        RELEVO_TRY(const std::string binding, key_.bind(*request_.external, directory_.new_account));
        json.raw("externalAccountBinding", binding);
    }
    return json.finish();
}

// RFC 9773 §5: what the new certificate replaces; only authorities that offer renewal information know the member.
std::string Issuance::order_payload() const {
    JsonWriter json;
    json.raw("identifiers", fmt::format(R"([{{"type":"dns","value":{}}}])", quoted(request_.name)));
    if (!request_.replaces.empty() && !directory_.renewal_info.empty()) json.field("replaces", request_.replaces);
    return json.finish();
}

void Issuance::go_on() {
    if (pause_) {
        pause_.reset();
    } else if (state_ == State::publish) {
        has_published_ = true;
        state_ = State::respond;
    }
}

void Issuance::fail(const Error& error) { refuse(error.detail); }

void Issuance::answer(const AuthorityAnswer& answer, Time now) {
    if (end_) return;
    if (is_base64url(answer.nonce, nonce_limit_octets)) nonce_ = answer.nonce;
    if (std::exchange(wants_nonce_, false)) {
        if (is_success(answer.status) && !nonce_.empty()) return;
        if (!is_success(answer.status)) return take_problem(answer);
        return refuse("the authority gives no nonce");
    }
    if (!is_success(answer.status)) return take_problem(answer);
    new_nonces_ = 0;
    take_page(answer, now);
}

void Issuance::take_page(const AuthorityAnswer& answer, Time now) {
    switch (state_) {
        case State::directory: {
            auto directory = parse_directory(answer.body, request_.directory);
            if (!directory.has_value()) return refuse(directory.error().detail);
            directory_ = *std::move(directory);
            if (request_.account.empty() && directory_.needs_external_account && !request_.external)
                return refuse("the authority wants an account that you have made there before",
                              Problem{"externalAccountRequired", {}});
            state_ = request_.account.empty() ? State::account
                     : request_.order.empty() ? State::new_order
                                              : State::old_order;
            return;
        }
        case State::account: return take_account(answer);
        case State::authorization:
        case State::look_at_authorization: return take_authorization(answer);
        case State::respond: return look_again(State::look_at_authorization, answer.retry_after);
        case State::download: return take_chain(answer, now);
        default: return take_order(answer);
    }
}

void Issuance::take_account(const AuthorityAnswer& answer) {
    const auto address = checked_address(answer.location, request_.directory);
    if (!address.has_value())
        return refuse("the authority does not say where the account is: " + address.error().detail);
    request_.account = *address;
    state_ = request_.order.empty() ? State::new_order : State::old_order;
}

void Issuance::take_order(const AuthorityAnswer& answer) {
    if (state_ == State::new_order) {
        const auto address = checked_address(answer.location, request_.directory);
        if (!address.has_value())
            return refuse("the authority does not say where the order is: " + address.error().detail);
        request_.order = *address;
    }
    const auto order = parse_order(answer.body, request_.directory);
    if (!order.has_value()) return refuse(order.error().detail);
    follow(*order, answer);
}

// RFC 8555 §7.1.6 and §7.4: what an order's status asks of us.
void Issuance::follow(const Order& order, const AuthorityAnswer& answer) {
    finalize_ = order.finalize;
    authorization_ = order.authorizations.front();
    switch (order.status) {
        case Status::pending:
            if (has_published_) return look_again(State::look_at_order, answer.retry_after);
            state_ = State::authorization;
            return;
        case Status::ready:
            // A second time, if the first was not taken: the authority may say "ready" once more while it begins.
            if (state_ == State::finalize) return look_again(State::look_at_order, answer.retry_after);
            looks_ = 0;
            state_ = State::finalize;
            return;
        case Status::processing: return look_again(State::look_at_order, answer.retry_after);
        case Status::valid:
            if (order.certificate.empty()) return refuse("the authority's order is valid and has no certificate");
            certificate_ = order.certificate;
            state_ = State::download;
            return;
        case Status::invalid: break;
    }
    if (state_ == State::old_order) {
        request_.order.clear();
        state_ = State::new_order;
        return;
    }
    request_.order.clear();
    refuse("the authority has given the order up", order.error);
}

void Issuance::take_authorization(const AuthorityAnswer& answer) {
    const auto authorization = parse_authorization(answer.body, request_.directory);
    if (!authorization.has_value()) return refuse(authorization.error().detail);
    if (authorization->name != request_.name)
        return refuse(fmt::format("the authority's authorization is for another name: {}", authorization->name));
    if (authorization->status == Status::valid) {
        has_published_ = true;
        return look_again(State::look_at_order, std::chrono::seconds(0));
    }
    if (authorization->status == Status::invalid) {
        request_.order.clear();
        for (const Challenge& challenge : authorization->challenges)
            if (challenge.error) return refuse("the authority could not verify the name", challenge.error);
        return refuse("the authority could not verify the name");
    }
    if (state_ == State::authorization) return choose(*authorization);
    look_again(State::look_at_authorization, answer.retry_after);
}

void Issuance::choose(const Authorization& authorization) {
    const auto found = std::ranges::find(authorization.challenges, name_of(request_.challenge), &Challenge::type);
    if (found != authorization.challenges.end()) {
        challenge_ = *found;
        // One that was answered before a restart is published again: the authority may still come.
        state_ = State::publish;
        return;
    }
    std::string offered;
    for (const Challenge& challenge : authorization.challenges)
        offered += (offered.empty() ? "" : ", ") + challenge.type;
    refuse(fmt::format("the authority does not offer {} for this name, only: {}", name_of(request_.challenge),
                       offered.empty() ? "nothing" : offered));
}

void Issuance::take_chain(const AuthorityAnswer& answer, Time now) {
    auto facts = verify_chain(answer.body, request_.certificate_key, request_.name, now);
    request_.order.clear();
    if (!facts.has_value()) return refuse(facts.error().detail);
    state_ = State::ended;
    end_ = Issued{answer.body, *std::move(facts)};
}

void Issuance::take_problem(const AuthorityAnswer& answer) {
    const Problem problem = parse_problem(answer.body);
    // RFC 8555 §6.5: "the client SHOULD retry" with the nonce that came along.
    if (problem.type == "badNonce" && ++new_nonces_ <= new_nonce_limit) return;
    // The account was forgotten there: made anew, once.
    if (problem.type == "accountDoesNotExist" && state_ != State::account && !std::exchange(has_new_account_, true)) {
        request_.account.clear();
        request_.order.clear();
        state_ = State::account;
        return;
    }
    if (state_ == State::old_order && problem.type != "rateLimited" && answer.status < 500) {
        request_.order.clear();
        state_ = State::new_order;
        return;
    }
    // It may be replaced already (§5: alreadyReplaced), or of another account of ours: the order is worth more than the
    // word about it.
    if (state_ == State::new_order && problem.type != "rateLimited" && answer.status < 500 &&
        !directory_.renewal_info.empty() && !std::exchange(request_.replaces, {}).empty())
        return;
    if (answer.status < 500 && problem.type != "rateLimited" && stage() >= Stage::challenge) request_.order.clear();
    refuse(fmt::format("the authority answers with status {}", answer.status), problem, answer.retry_after);
}

void Issuance::look_again(State state, std::optional<std::chrono::seconds> retry_after) {
    if (state_ != state) looks_ = 0;
    state_ = state;
    if (++looks_ > look_limit) return refuse(fmt::format("the authority has not decided after {} looks", look_limit));
    // 1, 2, 4, 8 s … unless the authority says how long (§7.5.1); never so long that a stalling one holds us for hours.
    const std::chrono::seconds usual = first_pause * (1U << std::min(looks_ - 1, 5U));
    pause_ = std::min(retry_after.value_or(usual), longest_pause);
    if (pause_->count() == 0) pause_.reset();
}

Stage Issuance::stage() const {
    switch (state_) {
        case State::directory: return Stage::directory;
        case State::account: return Stage::account;
        case State::new_order:
        case State::old_order: return Stage::order;
        case State::finalize: return Stage::finalize;
        case State::download: return Stage::download;
        case State::look_at_order: return has_published_ ? Stage::finalize : Stage::order;
        default: return Stage::challenge;
    }
}

void Issuance::refuse(std::string text, std::optional<Problem> problem,
                      std::optional<std::chrono::seconds> retry_after) {
    end_ = Refusal{stage(), std::move(problem), std::move(text), retry_after};
    state_ = State::ended;
}

}  // namespace relevo::acme

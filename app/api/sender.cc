#include "app/api/sender.h"

#include "lib/base/text.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace relevo::api {
namespace {

namespace json = boost::json;
using Refused = std::unexpected<Trouble>;

constexpr std::string_view replayed = "replayed";  // Error::detail of a transaction that found an answer

json::object json_of(const AcceptedMessage& accepted) {
    return {{"id", accepted.id.text()}, {"recipients", accepted.recipients}, {"suppressed", accepted.suppressed}};
}

}  // namespace

std::optional<Trouble> Sender::choose_tenant(const std::string& named) {
    if (call_.principal.tenant) {
        tenant_ = *call_.principal.tenant;
        return std::nullopt;
    }
    if (named.empty())
        return invalid_request(
            {{"/tenant", "required", "is missing: a key of the whole server says for whom it sends"}});
    const auto directory = ports_.directory();
    for (const Tenant& tenant : directory->tenants())
        if (tenant.name == named || tenant.id.text() == named) tenant_ = tenant.id;
    if (!tenant_) return trouble(404, "not_found", fmt::format("There is no tenant \"{}\".", printable(named, 200)));
    return std::nullopt;
}

std::optional<Trouble> Sender::too_large(const Prepared& prepared) const {
    if (static_cast<Octets>(prepared.content.size()) <= ports_.message_limit) return std::nullopt;
    return trouble(
        413, "message_too_large",
        fmt::format("The message has {} octets, at most {} are taken.", prepared.content.size(), ports_.message_limit));
}

Trouble Sender::trouble_of_refusal(const NotAccepted& refusal, const std::vector<std::string>& pointers) const {
    if (refusal.error) return trouble_of(*refusal.error);
    return trouble_of(refusal.decision, refusal.recipient ? pointers.at(*refusal.recipient) : "",
                      call_.principal.language, WallClock::now());
}

Task<std::expected<AcceptedMessage, NotAccepted>> Sender::take(Prepared prepared, Also also) {
    WholeMessage message{.arrival = {.identity = {.tenant = tenant_},
                                     .way = "http",
                                     .client = call_.request.peer,
                                     .login = call_.principal.name,
                                     .mechanism = "key",
                                     .tls = call_.request.tls,
                                     .host_name = ports_.host_name},
                         .envelope = std::move(prepared.envelope),
                         .content = std::move(prepared.content),
                         .also = std::move(also)};
    co_return co_await ports_.reception(*call_.request.shard).take(std::move(message));
}

Task<Sender::Tried<HttpResponse>> Sender::send(Tried<Prepared> prepared, const std::string& key,
                                               std::string_view body) {
    if (!prepared.has_value()) co_return Refused(std::move(prepared).error());
    if (auto refusal = too_large(*prepared)) co_return Refused(*std::move(refusal));
    Also also;
    std::optional<IdempotentRequest> once;
    if (!key.empty()) {
        auto request =
            idempotent_request(call_.principal, key, request_hash(call_.request.method, call_.request.path(), body));
        if (!request.has_value())
            co_return Refused(trouble(400, "idempotency_key", "Idempotency-Key: " + request.error().detail));
        once = *std::move(request);
        if (auto known = co_await replay(*once)) co_return *std::move(known);
        also = [once = *once](Transaction& rows, const AcceptedMessage& accepted) -> Result<void> {
            const auto now = WallClock::now();
            RELEVO_TRY(const auto known, find_answer(rows, once, now));
            if (known) return failure(ErrorKind::conflict, std::string(replayed));
            return keep_answer(rows, once, {.status = 202, .body = json::serialize(json_of(accepted))}, now);
        };
    }
    const std::vector<std::string> pointers = prepared->pointers;
    const auto accepted = co_await take(*std::move(prepared), std::move(also));
    if (accepted.has_value()) co_return json_response(202, json_of(*accepted));
    const NotAccepted& refusal = accepted.error();
    if (refusal.error && once && refusal.error->detail == replayed)
        if (auto known = co_await replay(*once)) co_return *std::move(known);
    co_return Refused(trouble_of_refusal(refusal, pointers));
}

Task<std::optional<Sender::Tried<HttpResponse>>> Sender::replay(const IdempotentRequest& once) {
    std::optional<IdempotentAnswer> known;
    const auto read = co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(known, find_answer(reader, once, WallClock::now()));
        return {};
    });
    if (!read.has_value()) {
        if (read.error().kind != ErrorKind::conflict) co_return Refused(trouble_of(read.error()));
        co_return Refused(trouble(422, "idempotency_key_reused",
                                  "This Idempotency-Key was used for another request within the last 24 hours."));
    }
    if (!known) co_return std::nullopt;
    HttpResponse response{.status = static_cast<unsigned>(known->status),
                          .content_type = "application/json",
                          .body = std::move(known->body)};
    response.fields.emplace_back("Idempotent-Replayed", "true");
    co_return std::optional<Tried<HttpResponse>>(std::move(response));
}

}  // namespace relevo::api

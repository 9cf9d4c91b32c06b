#include "app/api/sending.h"

#include "core/accounts/idempotency.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/mime/composition.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace relevo::api {
namespace {

namespace json = boost::json;
using relevo::json::member;
using relevo::json::text_of;

using Refused = std::unexpected<Trouble>;

// What one message of a request becomes.
struct Prepared {
    mail::Envelope envelope;
    std::string content;
    std::vector<std::string> pointers;  // of each recipient of the envelope
};
template <class T>
using Tried = std::expected<T, Trouble>;

Refused wrong(std::string pointer, std::string_view code, std::string detail) {
    return Refused(invalid_request({{std::move(pointer), std::string(code), std::move(detail)}}));
}

std::string text(const json::value& object, std::string_view name) {
    return std::string(text_of(member(object, name)));
}

// "ana@example.com", or {"email":…,"name":…}.
Tried<mime::Mailbox> read_mailbox(const json::value& given, const std::string& pointer) {
    const auto* plain = given.if_string();
    const std::string email = plain != nullptr ? std::string(*plain) : text(given, "email");
    auto address = mail::Address::parse(email, mail::Utf8::allowed);
    if (!address.has_value())
        return wrong(plain != nullptr ? pointer : pointer + "/email", "format",
                     "is no mail address: " + address.error().detail);
    return mime::Mailbox{plain != nullptr ? std::string() : text(given, "name"), *std::move(address)};
}

Tried<std::vector<mime::Mailbox>> read_mailboxes(const json::value& body, std::string_view name) {
    std::vector<mime::Mailbox> mailboxes;
    const json::value* given = member(body, name);
    if (given == nullptr || given->is_null()) return mailboxes;
    const std::string pointer = "/" + std::string(name);
    if (!given->is_array()) {
        auto one = read_mailbox(*given, pointer);
        if (!one.has_value()) return Refused(std::move(one).error());
        mailboxes.push_back(*std::move(one));
        return mailboxes;
    }
    for (std::size_t i = 0; i < given->get_array().size(); ++i) {
        auto one = read_mailbox(given->get_array()[i], fmt::format("{}/{}", pointer, i));
        if (!one.has_value()) return Refused(std::move(one).error());
        mailboxes.push_back(*std::move(one));
    }
    return mailboxes;
}

// RCPT for each, each once.
void add_recipients(Prepared& prepared, const std::vector<mime::Mailbox>& mailboxes, std::string_view name) {
    for (std::size_t i = 0; i < mailboxes.size(); ++i) {
        const mail::Address& address = mailboxes[i].address;
        if (std::ranges::any_of(prepared.envelope.recipients,
                                [&](const mail::Recipient& known) { return known.address.text() == address.text(); }))
            continue;
        if (!is_ascii(address.text())) prepared.envelope.smtputf8 = true;
        prepared.envelope.recipients.push_back({.address = address});
        prepared.pointers.push_back(fmt::format("/{}/{}", name, i));
    }
}

Tried<std::vector<mime::Attachment>> read_attachments(const json::value& body) {
    std::vector<mime::Attachment> attachments;
    const json::value* given = member(body, "attachments");
    if (given == nullptr || !given->is_array()) return attachments;
    for (std::size_t i = 0; i < given->get_array().size(); ++i) {
        const json::value& one = given->get_array()[i];
        auto content = decode_base64(text_of(member(one, "content")));
        if (!content.has_value())
            return wrong(fmt::format("/attachments/{}/content", i), "format",
                         "is not base 64: " + content.error().detail);
        attachments.push_back({.file_name = text(one, "file_name"),
                               .type = text(one, "type"),
                               .content = *std::move(content),
                               .content_id = text(one, "content_id")});
    }
    return attachments;
}

// What a submitter asks of us goes in front, as it would over SMTP; it is taken out again before the message is kept.
std::string control_fields(const json::value& body) {
    std::string fields;
    if (const std::string stream = text(body, "stream"); !stream.empty())
        fields += fmt::format("X-Relevo-Stream: {}\r\n", stream);
    if (const std::string pool = text(body, "pool"); !pool.empty())
        fields += fmt::format("X-Relevo-Pool: {}\r\n", pool);
    return fields;
}

Tried<Prepared> read_message(const json::value& body) {
    const json::value* from = member(body, "from");
    auto sender = read_mailbox(*from, "/from");
    if (!sender.has_value()) return Refused(std::move(sender).error());
    mime::Composition composition{.from = *std::move(sender)};
    Prepared prepared;
    prepared.envelope.reverse_path = mail::ReversePath(composition.from.address);
    for (const auto& [name, list] : {std::pair{"to", &composition.to}, std::pair{"cc", &composition.cc},
                                     std::pair{"reply_to", &composition.reply_to}}) {
        auto mailboxes = read_mailboxes(body, name);
        if (!mailboxes.has_value()) return Refused(std::move(mailboxes).error());
        *list = *std::move(mailboxes);
    }
    auto hidden = read_mailboxes(body, "bcc");
    if (!hidden.has_value()) return Refused(std::move(hidden).error());
    add_recipients(prepared, composition.to, "to");
    add_recipients(prepared, composition.cc, "cc");
    add_recipients(prepared, *hidden, "bcc");
    if (prepared.envelope.recipients.empty()) return wrong("/to", "required", "names no recipient");
    composition.subject = text(body, "subject");
    composition.text = text(body, "text");
    composition.html = text(body, "html");
    if (const json::value* fields = member(body, "headers"); fields != nullptr && fields->is_object())
        for (const auto& field : fields->get_object())
            composition.fields.emplace_back(field.key(), text_of(&field.value()));
    auto attachments = read_attachments(body);
    if (!attachments.has_value()) return Refused(std::move(attachments).error());
    composition.attachments = *std::move(attachments);
    auto content = mime::compose(composition);
    if (!content.has_value()) {
        std::string pointer = "/" + content.error().part;
        if (pointer.starts_with("/fields/")) pointer.replace(0, 7, "/headers");
        return wrong(std::move(pointer), "not_allowed", content.error().detail);
    }
    prepared.content = control_fields(body) + *std::move(content);
    return prepared;
}

// A message that is whole already.
Tried<Prepared> read_raw(const json::value& body) {
    Prepared prepared;
    const std::string sender = text(body, "sender");
    auto path = mail::ReversePath::parse("<" + sender + ">", mail::Utf8::allowed);
    if (!path.has_value()) return wrong("/sender", "format", "is no mail address: " + path.error().detail);
    prepared.envelope.reverse_path = *std::move(path);
    auto recipients = read_mailboxes(body, "recipients");
    if (!recipients.has_value()) return Refused(std::move(recipients).error());
    add_recipients(prepared, *recipients, "recipients");
    auto content = decode_base64(text_of(member(body, "content")));
    if (!content.has_value())
        return wrong("/content", "format", "is not base 64 with padding: " + content.error().detail);
    // SMTP would have refused it too (RFC 5321 §2.3.8): bare line ends mean different things to different servers.
    for (std::size_t i = 0; i < content->size(); ++i) {
        const char c = (*content)[i];
        const bool is_bare = (c == '\n' && (i == 0 || (*content)[i - 1] != '\r')) ||
                             (c == '\r' && (i + 1 == content->size() || (*content)[i + 1] != '\n'));
        if (is_bare || c == '\0')
            return wrong("/content", "not_allowed",
                         fmt::format("has a {} at octet {}: lines end with CR LF",
                                     c == '\0'   ? "NUL"
                                     : c == '\r' ? "bare CR"
                                                 : "bare LF",
                                     i));
    }
    if (!is_ascii(*content)) prepared.envelope.body = mail::BodyType::eight_bit_mime;
    prepared.content = control_fields(body) + *std::move(content);
    return prepared;
}

json::object accepted_json(const AcceptedMessage& accepted) {
    return {{"id", accepted.id.text()}, {"recipients", accepted.recipients}, {"suppressed", accepted.suppressed}};
}

constexpr std::string_view replayed = "replayed";  // Error::detail of a transaction that found an answer

// Sends messages of one call.
class Sender {
 public:
    Sender(Ports& ports, const Call& call) : ports_(ports), call_(call) {}

    // The tenant as which they are sent: the key's own, or the one that the request names.
    std::optional<Trouble> choose_tenant() {
        if (call_.principal.tenant) {
            tenant_ = *call_.principal.tenant;
            return std::nullopt;
        }
        const std::string name = text(call_.body, "tenant");
        if (name.empty()) {
            return invalid_request(
                {{"/tenant", "required", "is missing: a key of the whole server says for whom it sends"}});
        }
        const auto directory = ports_.directory();
        for (const Tenant& tenant : directory->tenants())
            if (tenant.name == name || tenant.id.text() == name) tenant_ = tenant.id;
        if (!tenant_) return trouble(404, "not_found", fmt::format("There is no tenant \"{}\".", printable(name, 200)));
        return std::nullopt;
    }

    Task<Tried<HttpResponse>> send(Tried<Prepared> prepared, const std::string& key, std::string_view body) {
        if (!prepared.has_value()) co_return Refused(std::move(prepared).error());
        if (static_cast<Octets>(prepared->content.size()) > ports_.message_limit)
            co_return Refused(trouble(413, "message_too_large",
                                      fmt::format("The message has {} octets, at most {} are taken.",
                                                  prepared->content.size(), ports_.message_limit)));
        std::optional<IdempotentRequest> once;
        if (!key.empty()) {
            auto request = idempotent_request(call_.principal, key,
                                              request_hash(call_.request.method, call_.request.path(), body));
            if (!request.has_value())
                co_return Refused(trouble(400, "idempotency_key", "Idempotency-Key: " + request.error().detail));
            once = *std::move(request);
            if (auto known = co_await replay(*once)) co_return *std::move(known);
        }
        co_return co_await take(*std::move(prepared), once);
    }

 private:
    Task<Tried<HttpResponse>> take(Prepared prepared, const std::optional<IdempotentRequest>& once) {
        const std::vector<std::string> pointers = std::move(prepared.pointers);
        WholeMessage message{.arrival = {.identity = {.tenant = tenant_},
                                         .way = "http",
                                         .client = call_.request.peer,
                                         .login = call_.principal.name,
                                         .mechanism = "key",
                                         .tls = call_.request.tls,
                                         .host_name = ports_.host_name},
                             .envelope = std::move(prepared.envelope),
                             .content = std::move(prepared.content)};
        if (once)
            message.also = [once = *once](Transaction& rows, const AcceptedMessage& accepted) -> Result<void> {
                const auto now = WallClock::now();
                RELEVO_TRY(const auto known, find_answer(rows, once, now));
                if (known) return failure(ErrorKind::conflict, std::string(replayed));
                return keep_answer(rows, once, {.status = 202, .body = json::serialize(accepted_json(accepted))}, now);
            };
        const auto accepted = co_await ports_.reception(*call_.request.shard).take(std::move(message));
        if (accepted.has_value()) co_return json_response(202, accepted_json(*accepted));
        const NotAccepted& refusal = accepted.error();
        if (refusal.error && once && refusal.error->detail == replayed)
            if (auto known = co_await replay(*once)) co_return *std::move(known);
        if (refusal.error) co_return Refused(trouble_of(*refusal.error));
        co_return Refused(trouble_of(refusal.decision, refusal.recipient ? pointers.at(*refusal.recipient) : "",
                                     call_.principal.language, WallClock::now()));
    }

    // The answer that was given to the same request before.
    Task<std::optional<Tried<HttpResponse>>> replay(const IdempotentRequest& once) {
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

    Ports& ports_;
    const Call& call_;
    TenantId tenant_;
};

// Each message on its own: one that is refused does not keep the others. They become durable together, as a group.
Task<Tried<HttpResponse>> send_batch(Ports& ports, const Call& call, Sender& sender) {
    const json::array& messages = call.body.at("messages").get_array();
    const std::string key(call.request.field("Idempotency-Key"));
    struct Batch {
        std::vector<std::optional<Tried<HttpResponse>>> results;
        std::size_t open;
        Completer<bool> done;
    };
    auto batch = std::make_shared<Batch>();
    batch->results.resize(messages.size());
    batch->open = messages.size();
    const auto one = [](Sender& with, const json::value& message, std::string with_key, std::shared_ptr<Batch> all,
                        std::size_t index) -> Task<> {
        auto result = co_await with.send(read_message(message), with_key, json::serialize(message));
        all->results[index].emplace(std::move(result));
        if (--all->open == 0) all->done(true);
    };
    co_await completion_of<bool>([&](Completer<bool> done) {
        batch->done = std::move(done);
        for (std::size_t i = 0; i < messages.size(); ++i)
            call.request.shard->spawn(
                one(sender, messages[i], key.empty() ? key : fmt::format("{}/{}", key, i), batch, i));
    });
    json::array answers;
    std::size_t refused = 0;
    for (std::optional<Tried<HttpResponse>>& result : batch->results) {
        if (result->has_value()) {
            answers.push_back(relevo::json::parse((**result).body).value_or(json::value()));
        } else {
            ++refused;
            answers.push_back(json::object{{"error", json_of(result->error())}});
        }
    }
    static_cast<void>(ports);
    co_return json_response(
        refused == 0 ? 202 : 207,
        json::object{{"accepted", messages.size() - refused}, {"refused", refused}, {"data", std::move(answers)}});
}

}  // namespace

bool is_sending(std::string_view operation) {
    return operation == "sendMessage" || operation == "sendRawMessage" || operation == "sendMessages";
}

Task<std::expected<HttpResponse, Trouble>> send(Ports& ports, const Call& call) {
    Sender sender(ports, call);
    if (auto refusal = sender.choose_tenant()) co_return Refused(*std::move(refusal));
    if (call.operation.id == "sendMessages") co_return co_await send_batch(ports, call, sender);
    auto prepared = call.operation.id == "sendMessage" ? read_message(call.body) : read_raw(call.body);
    co_return co_await sender.send(std::move(prepared), std::string(call.request.field("Idempotency-Key")),
                                   call.request.body);
}

}  // namespace relevo::api

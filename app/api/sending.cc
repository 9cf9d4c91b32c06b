#include "app/api/sending.h"

#include "app/api/label_fields.h"
#include "app/api/sender.h"
#include "core/reception/send_time.h"
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
Tried<std::string> control_fields(const json::value& body) {
    std::string fields;
    if (const std::string stream = text(body, "stream"); !stream.empty())
        fields += fmt::format("X-Relevo-Stream: {}\r\n", stream);
    if (const std::string pool = text(body, "pool"); !pool.empty())
        fields += fmt::format("X-Relevo-Pool: {}\r\n", pool);
    if (const std::string track = text(body, "track"); !track.empty())
        fields += fmt::format("X-Relevo-Track: {}\r\n", track);
    if (const std::string send_at = text(body, "send_at"); !send_at.empty()) {
        const auto time = parse_send_time(send_at);
        if (!time.has_value()) return wrong("/send_at", "format", time.error().detail);
        fields += fmt::format("X-Relevo-Send-At: {}\r\n", send_time_text(*time));
    }
    auto labels = label_fields(body, "tags", "metadata");
    if (!labels.has_value())
        return wrong(fmt::format("/{}/{}", labels.error().member, labels.error().place), "format",
                     std::move(labels.error().detail));
    return fields + *labels;
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
    auto fields = control_fields(body);
    if (!fields.has_value()) return Refused(std::move(fields).error());
    prepared.content = *std::move(fields) + *std::move(content);
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
    auto fields = control_fields(body);
    if (!fields.has_value()) return Refused(std::move(fields).error());
    prepared.content = *std::move(fields) + *std::move(content);
    return prepared;
}

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
    if (auto refusal = sender.choose_tenant(text(call.body, "tenant"))) co_return Refused(*std::move(refusal));
    if (call.operation.id == "sendMessages") co_return co_await send_batch(ports, call, sender);
    auto prepared = call.operation.id == "sendMessage" ? read_message(call.body) : read_raw(call.body);
    co_return co_await sender.send(std::move(prepared), std::string(call.request.field("Idempotency-Key")),
                                   call.request.body);
}

}  // namespace relevo::api

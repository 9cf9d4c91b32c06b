#include "app/api/sendgrid.h"

#include "app/api/label_fields.h"
#include "app/api/sender.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/mime/composition.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::api {
namespace {

namespace json = boost::json;
using relevo::json::member;
using relevo::json::text_of;
using Refused = std::unexpected<Trouble>;
template <class T>
using Tried = std::expected<T, Trouble>;

constexpr std::size_t personalization_limit = 1000;
constexpr std::size_t recipient_limit = 1000;
constexpr std::size_t attachment_limit = 50;
constexpr std::size_t field_limit = 50;
constexpr std::size_t substitution_limit = 10'000;
constexpr Octets substituted_limit = 10 * mebibyte;

Refused wrong(std::string field, std::string detail) {
    return Refused(invalid_request({{std::move(field), "not_allowed", std::move(detail)}}));
}

std::string text(const json::value& object, std::string_view name) {
    return std::string(text_of(member(object, name)));
}

const json::array* list(const json::value& object, std::string_view name) {
    const json::value* found = member(object, name);
    return found == nullptr ? nullptr : found->if_array();
}

Tried<mime::Mailbox> read_mailbox(const json::value& given, const std::string& field) {
    auto address = mail::Address::parse(text(given, "email"), mail::Utf8::allowed);
    if (!address.has_value()) return wrong(field + ".email", "is no mail address: " + address.error().detail);
    return mime::Mailbox{text(given, "name"), *std::move(address)};
}

Tried<std::vector<mime::Mailbox>> read_mailboxes(const json::value& object, std::string_view name,
                                                 const std::string& place) {
    std::vector<mime::Mailbox> mailboxes;
    const std::string field = place + std::string(name);
    if (const json::array* given = list(object, name))
        for (std::size_t i = 0; i < given->size(); ++i) {
            if (i >= recipient_limit) return wrong(field, fmt::format("has more than {} addresses", recipient_limit));
            auto one = read_mailbox((*given)[i], fmt::format("{}.{}", field, i));
            if (!one.has_value()) return Refused(std::move(one).error());
            mailboxes.push_back(*std::move(one));
        }
    return mailboxes;
}

// What all messages of the request have alike.
struct Common {
    mime::Composition composition;
    std::string control_fields;
};

Tried<Common> read_common(const json::value& body) {
    for (const std::string_view name : {"template_id", "batch_id"})
        if (const json::value* given = member(body, name); given != nullptr && !given->is_null())
            return wrong(std::string(name), "is not offered here");
    const json::value* from = member(body, "from");
    if (from == nullptr) return wrong("from", "is missing");
    auto sender = read_mailbox(*from, "from");
    if (!sender.has_value()) return Refused(std::move(sender).error());
    Common common{.composition = {.from = *std::move(sender)}};
    mime::Composition& composition = common.composition;
    composition.subject = text(body, "subject");
    if (const json::value* reply_to = member(body, "reply_to"); reply_to != nullptr && reply_to->is_object()) {
        auto one = read_mailbox(*reply_to, "reply_to");
        if (!one.has_value()) return Refused(std::move(one).error());
        composition.reply_to.push_back(*std::move(one));
    }
    auto more = read_mailboxes(body, "reply_to_list", "");
    if (!more.has_value()) return Refused(std::move(more).error());
    composition.reply_to.insert(composition.reply_to.end(), more->begin(), more->end());
    if (const json::array* contents = list(body, "content"))
        for (const json::value& content : *contents) {
            const std::string type = to_lower(text(content, "type"));
            if (type == "text/plain")
                composition.text = text(content, "value");
            else if (type == "text/html")
                composition.html = text(content, "value");
            else
                return wrong("content.type", "must be text/plain or text/html");
        }
    if (const json::array* attachments = list(body, "attachments"))
        for (std::size_t i = 0; i < attachments->size(); ++i) {
            const json::value& one = (*attachments)[i];
            auto content = decode_base64(text(one, "content"));
            if (i >= attachment_limit || !content.has_value())
                return wrong(fmt::format("attachments.{}.content", i), "is not base 64, or there are too many");
            const std::string type = text(one, "type");
            composition.attachments.push_back(
                {.file_name = text(one, "filename"),
                 .type = type.empty() ? "application/octet-stream" : type,
                 .content = *std::move(content),
                 .content_id = text(one, "disposition") == "inline" ? text(one, "content_id") : ""});
        }
    if (const std::string pool = text(body, "ip_pool_name"); !pool.empty()) {
        if (pool.find_first_of("\r\n") != std::string::npos) return wrong("ip_pool_name", "has a line break in it");
        common.control_fields += fmt::format("X-Relevo-Pool: {}\r\n", pool);
    }
    auto labels = label_fields(body, "categories", "custom_args");
    if (!labels.has_value())
        return wrong(fmt::format("{}.{}", labels.error().member, labels.error().place), labels.error().detail);
    common.control_fields += *labels;
    return common;
}

// "opens,clicks" as the tracking settings ask for it; "" if they do not say.
std::string track_of(const json::value& body) {
    const json::value* settings = member(body, "tracking_settings");
    if (settings == nullptr) return {};
    const auto asks = [&](std::string_view name) -> std::optional<bool> {
        const json::value* group = member(*settings, name);
        const json::value* enable = group == nullptr ? nullptr : member(*group, "enable");
        return enable == nullptr || !enable->is_bool() ? std::nullopt : std::optional(enable->get_bool());
    };
    const auto opens = asks("open_tracking"), clicks = asks("click_tracking");
    if (!opens && !clicks) return {};
    if (!opens.value_or(false) && !clicks.value_or(false)) return "none";
    if (opens.value_or(false) && clicks.value_or(false)) return "opens,clicks";
    return opens.value_or(false) ? "opens" : "clicks";
}

// "send_at": seconds since 1970.
Tried<std::string> send_at_field(const json::value& object, const std::string& place) {
    const json::value* given = member(object, "send_at");
    if (given == nullptr || given->is_null()) return std::string();
    if (!given->is_int64() || given->get_int64() < 0)
        return wrong(place + "send_at", "must be a whole number of seconds since 1970");
    return fmt::format("X-Relevo-Send-At: {}\r\n", given->get_int64());
}

using Substitutions = std::vector<std::pair<std::string, std::string>>;

Tried<std::string> substituted(std::string text, const Substitutions& substitutions) {
    for (const auto& [mark, value] : substitutions) {
        if (mark.empty()) continue;
        for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
            text.replace(at, mark.size(), value);
            if (static_cast<Octets>(text.size()) > substituted_limit)
                return wrong("substitutions", "make the text too long");
        }
    }
    return text;
}

void add_fields(mime::Composition& composition, const json::value& object) {
    const json::value* fields = member(object, "headers");
    if (fields == nullptr || !fields->is_object()) return;
    for (const auto& field : fields->get_object()) {
        const std::string value(text_of(&field.value()));
        const auto known = std::ranges::find_if(
            composition.fields, [&](const auto& one) { return equals_ignoring_case(one.first, field.key()); });
        if (known != composition.fields.end())
            known->second = value;
        else
            composition.fields.emplace_back(field.key(), value);
    }
}

Tried<Prepared> prepare(const Common& common, const json::value& body, const json::value& personalization,
                        std::size_t index) {
    const std::string place = fmt::format("personalizations.{}.", index);
    mime::Composition composition = common.composition;
    if (const std::string subject = text(personalization, "subject"); !subject.empty()) composition.subject = subject;
    if (member(personalization, "dynamic_template_data") != nullptr)
        return wrong(place + "dynamic_template_data", "is not offered here");
    auto send_at = send_at_field(member(personalization, "send_at") != nullptr ? personalization : body,
                                 member(personalization, "send_at") != nullptr ? place : "");
    if (!send_at.has_value()) return Refused(std::move(send_at).error());
    add_fields(composition, body);
    add_fields(composition, personalization);
    if (composition.fields.size() > field_limit) return wrong("headers", "are too many");
    Prepared prepared;
    const json::value* from = member(personalization, "from");
    if (from != nullptr) {
        auto sender = read_mailbox(*from, place + "from");
        if (!sender.has_value()) return Refused(std::move(sender).error());
        composition.from = *std::move(sender);
    }
    prepared.envelope.reverse_path = mail::ReversePath(composition.from.address);
    for (const std::string_view name : {"to", "cc", "bcc"}) {
        auto mailboxes = read_mailboxes(personalization, name, place);
        if (!mailboxes.has_value()) return Refused(std::move(mailboxes).error());
        for (const mime::Mailbox& mailbox : *mailboxes) {
            if (!is_ascii(mailbox.address.text())) prepared.envelope.smtputf8 = true;
            prepared.envelope.recipients.push_back({.address = mailbox.address});
            prepared.pointers.push_back(place + std::string(name));
        }
        if (name == "to")
            composition.to = *std::move(mailboxes);
        else if (name == "cc")
            composition.cc = *std::move(mailboxes);
    }
    if (prepared.envelope.recipients.empty()) return wrong(place + "to", "names no recipient");
    Substitutions substitutions;
    if (const json::value* given = member(personalization, "substitutions"); given != nullptr && given->is_object())
        for (const auto& one : given->get_object()) {
            if (substitutions.size() >= substitution_limit) return wrong(place + "substitutions", "are too many");
            substitutions.emplace_back(one.key(), text_of(&one.value()));
        }
    for (std::string* part : {&composition.subject, &composition.text, &composition.html}) {
        auto made = substituted(std::move(*part), substitutions);
        if (!made.has_value()) return Refused(std::move(made).error());
        *part = *std::move(made);
    }
    auto content = mime::compose(composition);
    if (!content.has_value()) return wrong(content.error().part, content.error().detail);
    auto labels = label_fields(personalization, "", "custom_args");
    if (!labels.has_value()) return wrong(place + "custom_args." + labels.error().place, labels.error().detail);
    const std::string track = track_of(body);
    prepared.content = common.control_fields + *send_at + *labels +
                       (track.empty() ? std::string() : fmt::format("X-Relevo-Track: {}\r\n", track)) +
                       *std::move(content);
    return prepared;
}

bool is_sandboxed(const json::value& body) {
    const json::value* settings = member(body, "mail_settings");
    const json::value* sandbox = settings == nullptr ? nullptr : member(*settings, "sandbox_mode");
    const json::value* enable = sandbox == nullptr ? nullptr : member(*sandbox, "enable");
    return enable != nullptr && enable->is_bool() && enable->get_bool();
}

// Which part is done, so that nobody has to guess: a request that is made again with its key does the rest.
Trouble told_of_part(Trouble trouble, std::size_t index, std::size_t count, bool has_key) {
    if (index == 0) return trouble;
    const std::string part =
        fmt::format(" (personalizations 0 to {} of {} were accepted, {} was not; {})", index - 1, count, index,
                    has_key ? "the same request with the same Idempotency-Key sends only the rest"
                            : "send only the rest again, or use an Idempotency-Key");
    trouble.detail += part;
    for (openapi::Problem& problem : trouble.errors) problem.detail += part;
    return trouble;
}

// One after the other, each once for its key: all were looked at before, so that what stops them is a limit, a refusal
// of a recipient or a store that is full.
Task<Tried<HttpResponse>> keep_all(Sender& sender, std::vector<Prepared> all, const Call& call) {
    const std::string key(call.request.field("Idempotency-Key"));
    HttpResponse response{.status = 202, .content_type = "", .body = ""};
    bool is_replay = true;
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto kept = co_await sender.send(std::move(all[i]), key.empty() ? key : fmt::format("{}/{}", key, i),
                                         call.request.body);
        if (!kept.has_value()) co_return Refused(told_of_part(std::move(kept).error(), i, all.size(), !key.empty()));
        is_replay = is_replay && std::ranges::any_of(
                                     kept->fields, [](const auto& one) { return one.first == "Idempotent-Replayed"; });
        if (i > 0) continue;
        const auto told = relevo::json::parse(kept->body);
        if (told.has_value()) response.fields.emplace_back("X-Message-Id", text(*told, "id"));
    }
    if (is_replay) response.fields.emplace_back("Idempotent-Replayed", "true");
    co_return response;
}

Task<Tried<HttpResponse>> send_all(Ports& ports, const Call& call) {
    Sender sender(ports, call);
    if (auto refusal = sender.choose_tenant("")) co_return Refused(*std::move(refusal));
    auto common = read_common(call.body);
    if (!common.has_value()) co_return Refused(std::move(common).error());
    const json::array* personalizations = list(call.body, "personalizations");
    if (personalizations == nullptr || personalizations->empty() || personalizations->size() > personalization_limit)
        co_return wrong("personalizations", fmt::format("must be a list of 1 to {}", personalization_limit));
    std::vector<Prepared> all;  // looked at as a whole before the first one is kept
    for (std::size_t i = 0; i < personalizations->size(); ++i) {
        auto one = prepare(*common, call.body, (*personalizations)[i], i);
        if (!one.has_value()) co_return Refused(std::move(one).error());
        all.push_back(*std::move(one));
    }
    if (is_sandboxed(call.body)) co_return HttpResponse{.status = 200, .content_type = "", .body = ""};
    co_return co_await keep_all(sender, std::move(all), call);
}

}  // namespace

HttpResponse sendgrid_response_of(const Trouble& trouble) {
    json::array errors;
    for (const openapi::Problem& problem : trouble.errors)
        errors.push_back(
            json::object{{"message", problem.detail}, {"field", problem.pointer}, {"help", trouble.detail}});
    if (errors.empty())
        errors.push_back(json::object{{"message", trouble.detail}, {"field", nullptr}, {"help", nullptr}});
    // Their libraries know 400 for what is wrong with a request.
    HttpResponse response =
        json_response(trouble.status == 422 ? 400 : trouble.status, json::object{{"errors", std::move(errors)}});
    if (trouble.retry_after.count() > 0)
        response.fields.emplace_back("Retry-After", std::to_string(trouble.retry_after.count()));
    return response;
}

Task<HttpResponse> send_like_sendgrid(Ports& ports, const Call& call) {
    auto answer = co_await send_all(ports, call);
    co_return answer.has_value() ? *std::move(answer) : sendgrid_response_of(answer.error());
}

}  // namespace relevo::api

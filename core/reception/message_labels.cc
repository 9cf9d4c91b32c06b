#include "core/reception/message_labels.h"

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/mime/header_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

constexpr std::array<std::string_view, 4> tag_fields{"X-Relevo-Tag", "X-PM-Tag", "X-Mailgun-Tag", "X-Postal-Tag"};
constexpr std::array<std::string_view, 2> metadata_prefixes{"X-Relevo-Metadata-", "X-PM-Metadata-"};
constexpr std::array<std::string_view, 2> metadata_fields{"X-Relevo-Metadata", "X-Mailgun-Variables"};
constexpr std::string_view smtpapi_field = "X-SMTPAPI";
constexpr json::Bounds bounds{.octets = 16 * kibibyte, .depth = 8};

Result<void> add_tag(MessageLabels& labels, std::string tag) {
    if (tag.empty()) return failure(ErrorKind::invalid, "the tag is empty");
    if (tag.size() > MessageLabels::tag_octets)
        return failure(ErrorKind::limit, fmt::format("a tag has at most {} octets", MessageLabels::tag_octets));
    if (std::ranges::any_of(labels.tags, [&](const std::string& one) { return equals_ignoring_case(one, tag); }))
        return {};
    if (labels.tags.size() >= MessageLabels::tags_limit)
        return failure(ErrorKind::limit, fmt::format("a message has at most {} tags", MessageLabels::tags_limit));
    labels.tags.push_back(std::move(tag));
    return {};
}

Result<void> add_metadata(MessageLabels& labels, std::string name, std::string value) {
    if (name.empty()) return failure(ErrorKind::invalid, "a name is missing");
    if (name.size() > MessageLabels::name_octets || value.size() > MessageLabels::value_octets)
        return failure(ErrorKind::limit, fmt::format("a name has at most {} octets, its value {}",
                                                     MessageLabels::name_octets, MessageLabels::value_octets));
    const auto known = std::ranges::find(labels.metadata, name, &std::pair<std::string, std::string>::first);
    if (known != labels.metadata.end()) {
        known->second = std::move(value);
        return {};
    }
    if (labels.metadata.size() >= MessageLabels::metadata_limit)
        return failure(ErrorKind::limit,
                       fmt::format("a message has at most {} such values", MessageLabels::metadata_limit));
    labels.metadata.emplace_back(std::move(name), std::move(value));
    return {};
}

Result<void> add_object(MessageLabels& labels, const boost::json::value& object) {
    if (!object.is_object()) return failure(ErrorKind::invalid, "a JSON object is wanted");
    for (const auto& one : object.get_object()) {
        const boost::json::value& value = one.value();
        if (value.is_object() || value.is_array())
            return failure(ErrorKind::invalid,
                           fmt::format("\"{}\" is no text, number or truth value", printable(one.key(), 40)));
        std::string text = value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
        RELEVO_CHECK(add_metadata(labels, std::string(one.key()), printable(text, MessageLabels::value_octets + 1)));
    }
    return {};
}

Result<boost::json::value> read_json(const mail::Field& field) {
    auto read = json::parse(mail::unfolded(field.value), bounds);
    if (!read.has_value()) return failure(read.error().kind, "it is no JSON: " + read.error().detail);
    return read;
}

Result<void> take_smtpapi(MessageLabels& labels, const mail::Field& field) {
    RELEVO_TRY(const boost::json::value all, read_json(field));
    if (!all.is_object()) return failure(ErrorKind::invalid, "a JSON object is wanted");
    // They would make other messages of this one.
    for (const std::string_view name : {"to", "sub", "section"})
        if (json::member(all, name) != nullptr)
            return failure(ErrorKind::unsupported,
                           fmt::format("\"{}\" is not followed here: send a message to each recipient", name));
    if (const boost::json::value* category = json::member(all, "category"); category != nullptr) {
        const boost::json::array one{*category};
        for (const boost::json::value& tag : category->is_array() ? category->get_array() : one) {
            if (!tag.is_string()) return failure(ErrorKind::invalid, "\"category\" is a text or a list of texts");
            RELEVO_CHECK(add_tag(labels, printable(json::text_of(&tag), MessageLabels::tag_octets + 1)));
        }
    }
    const boost::json::value* arguments = json::member(all, "unique_args");
    return arguments == nullptr ? Result<void>() : add_object(labels, *arguments);
}

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::any_of(names, [&](std::string_view one) { return equals_ignoring_case(one, name); });
}

}  // namespace

Result<bool> take_labels(MessageLabels& labels, const mail::Field& field) {
    if (is_one_of(tag_fields, field.name)) {
        RELEVO_CHECK(add_tag(labels, mime::header_text(field.value)));
        return true;
    }
    for (const std::string_view prefix : metadata_prefixes) {
        if (!starts_with_ignoring_case(field.name, prefix)) continue;
        RELEVO_CHECK(add_metadata(labels, to_lower(field.name.substr(prefix.size())), mime::header_text(field.value)));
        return true;
    }
    if (is_one_of(metadata_fields, field.name)) {
        RELEVO_TRY(const boost::json::value object, read_json(field));
        RELEVO_CHECK(add_object(labels, object));
        return true;
    }
    if (!equals_ignoring_case(field.name, smtpapi_field)) return false;
    RELEVO_CHECK(take_smtpapi(labels, field));
    return true;
}

std::string json_of_tags(const MessageLabels& labels) {
    std::string text = "[";
    for (const std::string& tag : labels.tags) {
        if (text.size() > 1) text += ',';
        append_json_string(text, tag);
    }
    return text + "]";
}

std::string json_of_metadata(const MessageLabels& labels) {
    JsonWriter json;
    for (const auto& [name, value] : labels.metadata) json.field(name, value);
    return json.finish();
}

}  // namespace relevo

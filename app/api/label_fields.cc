#include "app/api/label_fields.h"

#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/mail/quoted_printable.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relevo::api {
namespace {

bool has_controls(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_field_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
    });
}

std::string field(std::string_view name, std::string_view value) {
    return fmt::format("{}: {}\r\n", name, mail::encode_header_text(value, name.size() + 2));
}

}  // namespace

std::expected<std::string, LabelProblem> label_fields(const boost::json::value& body, std::string_view tags,
                                                      std::string_view metadata) {
    std::string fields;
    const auto refused = [](std::string_view member, std::string place, std::string detail) {
        return std::unexpected(LabelProblem{std::string(member), std::move(place), std::move(detail)});
    };
    if (const boost::json::value* given = json::member(body, tags); given != nullptr && !given->is_null()) {
        const boost::json::array one{*given};
        std::size_t number = 0;
        for (const boost::json::value& tag : given->is_array() ? given->get_array() : one) {
            const std::string_view text = json::text_of(&tag);
            if (text.empty() || has_controls(text))
                return refused(tags, std::to_string(number), "is empty, no text, or has a control character in it");
            fields += field("X-Relevo-Tag", text);
            ++number;
        }
    }
    if (const boost::json::value* given = json::member(body, metadata); given != nullptr && given->is_object())
        for (const auto& value : given->get_object()) {
            const std::string_view name = value.key();
            if (!is_field_name(name))
                return refused(metadata, std::string(name), "is no name: use letters, digits, - and _");
            const std::string_view text = json::text_of(&value.value());
            if (!value.value().is_string() || has_controls(text))
                return refused(metadata, std::string(name), "is no text, or has a control character in it");
            fields += field(fmt::format("X-Relevo-Metadata-{}", name), text);
        }
    return fields;
}

}  // namespace relevo::api

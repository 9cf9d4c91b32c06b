#include "app/relevo/json_arguments.h"

#include "lib/base/text.h"

#include <boost/json/array.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace relevo {
namespace {

const boost::json::value* member(const boost::json::object& arguments, std::string_view name) {
    const boost::json::value* found = arguments.if_contains(name);
    return found != nullptr && !found->is_null() ? found : nullptr;
}

std::unexpected<Error> wrong_type(std::string_view name, std::string_view expected) {
    return failure(ErrorKind::invalid, fmt::format("\"{}\" must be {}", name, expected));
}

}  // namespace

Result<void> check_members(const boost::json::object& arguments, std::initializer_list<std::string_view> known) {
    for (const auto& argument : arguments) {
        const std::string_view name(argument.key().data(), argument.key().size());
        if (std::ranges::find(known, name) != known.end()) continue;
        const auto nearest = nearest_name(name, std::vector<std::string_view>(known));
        return failure(ErrorKind::invalid, fmt::format("there is no argument \"{}\"{}", printable(name, 60),
                                                       nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : ""));
    }
    return {};
}

Result<std::optional<std::string>> text_member(const boost::json::object& arguments, std::string_view name) {
    const boost::json::value* found = member(arguments, name);
    if (found == nullptr) return std::optional<std::string>();
    if (!found->is_string()) return wrong_type(name, "a text");
    return std::optional<std::string>(std::string(found->get_string()));
}

Result<std::string> required_text(const boost::json::object& arguments, std::string_view name) {
    RELEVO_TRY(auto found, text_member(arguments, name));
    if (!found || found->empty()) return failure(ErrorKind::invalid, fmt::format("\"{}\" is missing", name));
    return std::move(*found);
}

Result<std::optional<bool>> flag_member(const boost::json::object& arguments, std::string_view name) {
    const boost::json::value* found = member(arguments, name);
    if (found == nullptr) return std::optional<bool>();
    if (!found->is_bool()) return wrong_type(name, "true or false");
    return std::optional<bool>(found->get_bool());
}

Result<std::optional<std::int64_t>> number_member(const boost::json::object& arguments, std::string_view name) {
    const boost::json::value* found = member(arguments, name);
    if (found == nullptr) return std::optional<std::int64_t>();
    if (!found->is_int64() || found->get_int64() < 0) return wrong_type(name, "a whole number, 0 or more");
    return std::optional<std::int64_t>(found->get_int64());
}

Result<std::optional<std::vector<std::string>>> list_member(const boost::json::object& arguments,
                                                            std::string_view name) {
    const boost::json::value* found = member(arguments, name);
    if (found == nullptr) return std::optional<std::vector<std::string>>();
    if (!found->is_array()) return wrong_type(name, "a list of texts");
    std::vector<std::string> texts;
    for (const boost::json::value& item : found->get_array()) {
        if (!item.is_string()) return wrong_type(name, "a list of texts");
        if (!item.get_string().empty()) texts.emplace_back(item.get_string());
    }
    return std::optional<std::vector<std::string>>(std::move(texts));
}

Result<std::optional<WallClock::time_point>> time_member(const boost::json::object& arguments, std::string_view name) {
    RELEVO_TRY(const auto text, text_member(arguments, name));
    if (!text) return std::optional<WallClock::time_point>();
    if (text->empty()) return std::optional<WallClock::time_point>(WallClock::time_point{});
    std::tm fields{};
    const char* rest = ::strptime(text->c_str(), "%Y-%m-%d", &fields);
    if (rest != nullptr && *rest == 'T') rest = ::strptime(rest, "T%H:%M:%S", &fields);
    if (rest == nullptr) return wrong_type(name, "a time such as 2027-01-31 or 2027-01-31T12:00:00Z");
    std::string_view tail(rest);
    if (tail.starts_with('.')) tail.remove_prefix(std::min(tail.size(), tail.find_first_not_of("0123456789", 1)));
    if (!tail.empty() && tail != "Z" && tail != "+00:00") return wrong_type(name, "a time in UTC, ending in Z");
    return std::optional<WallClock::time_point>(WallClock::from_time_t(::timegm(&fields)));
}

boost::json::value json_time(WallClock::time_point time) {
    if (time == WallClock::time_point{}) return nullptr;
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
    return boost::json::string(fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(WallClock::to_time_t(seconds)),
                                           (milliseconds - seconds).count()));
}

boost::json::value json_text_or_null(std::string_view text) {
    if (text.empty()) return nullptr;
    return boost::json::string(text);
}

boost::json::array json_list(const std::vector<std::string>& texts) {
    boost::json::array list;
    for (const std::string& text : texts) list.emplace_back(text);
    return list;
}

Result<mail::Language> language_member(const boost::json::object& arguments, mail::Language fallback) {
    RELEVO_TRY(const auto name, text_member(arguments, "language"));
    if (!name) return fallback;
    return mail::parse_language(*name);
}

}  // namespace relevo

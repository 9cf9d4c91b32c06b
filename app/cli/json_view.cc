#include "app/cli/json_view.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace relevo::cli {

const boost::json::value& member(const boost::json::value& object, std::string_view name) {
    static const boost::json::value none;
    if (!object.is_object()) return none;
    const boost::json::value* found = object.get_object().if_contains(name);
    return found == nullptr ? none : *found;
}

std::string text(const boost::json::value& object, std::string_view name, std::string_view fallback) {
    const boost::json::value& value = member(object, name);
    std::string result;
    if (value.is_string()) {
        result = std::string_view(value.get_string());
    } else if (value.is_array()) {
        for (const boost::json::value& element : value.get_array()) {
            if (!result.empty()) result += ", ";
            result += element.is_string() ? std::string(std::string_view(element.get_string())) : serialize(element);
        }
    } else if (value.is_bool()) {
        result = value.get_bool() ? "yes" : "no";
    } else if (!value.is_null()) {
        result = serialize(value);
    }
    return result.empty() ? std::string(fallback) : result;
}

std::int64_t number(const boost::json::value& object, std::string_view name) {
    const boost::json::value& value = member(object, name);
    if (value.is_int64()) return value.get_int64();
    if (value.is_uint64()) return static_cast<std::int64_t>(value.get_uint64());
    return 0;
}

std::string decimal(const boost::json::value& object, std::string_view name) {
    const boost::json::value& found = member(object, name);
    if (!found.is_number()) return "-";
    std::string digits = fmt::format("{:.2f}", found.to_number<double>());
    while (digits.ends_with('0')) digits.pop_back();
    if (digits.ends_with('.')) digits.pop_back();
    return digits;
}

std::string time_text(const boost::json::value& object, std::string_view name) {
    std::string time = text(object, name);
    if (time.size() < 19 || time[10] != 'T') return time;
    time.resize(19);
    time[10] = ' ';
    return time;
}

std::string size_text(std::int64_t octets) {
    if (octets < 1024) return fmt::format("{} B", octets);
    if (octets < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(octets) / 1024);
    return fmt::format("{:.1f} MiB", static_cast<double>(octets) / (1024 * 1024));
}

const boost::json::array& elements(const boost::json::value& object, std::string_view name) {
    static const boost::json::array none;
    const boost::json::value& value = member(object, name);
    return value.is_array() ? value.get_array() : none;
}

}  // namespace relevo::cli

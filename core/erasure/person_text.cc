#include "core/erasure/person_text.h"

#include "core/tenancy/administration.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

// What an event keeps of a recipient that was erased: numbers and names of servers, from which figures are counted.
constexpr std::array<std::string_view, 22> kept_members{
    "attempt", "destination", "site",  "route",  "host",        "port",    "source",       "tls",
    "stage",   "status",      "class", "nature", "duration_ms", "how",     "next_attempt", "confidence",
    "by",      "rule",        "size",  "erased", "recipients",  "listener"};

bool is_of_address(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '+'; }

// "jimbob@x" and ".bob@x" before, "x.org" and "x-y" behind are other addresses.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
    if (begin > 0 && (is_of_address(text[begin - 1]) || text[begin - 1] == '.')) return false;
    if (end == text.size()) return true;
    if (is_alpha(text[end]) || is_digit(text[end]) || text[end] == '-') return false;
    return text[end] != '.' || end + 1 == text.size() || !(is_alpha(text[end + 1]) || is_digit(text[end + 1]));
}

std::size_t find_ignoring_case(std::string_view text, std::string_view form, std::size_t from) {
    const auto found = std::search(text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size())), text.end(),
                                   form.begin(), form.end(), [](char a, char b) { return to_lower(a) == b; });
    return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

std::string escaped_for_like(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '%' || c == '_' || c == '\\') escaped += '\\';
        escaped += c;
    }
    return escaped;
}

}  // namespace

PersonText::PersonText(std::string address) : address_(std::move(address)) {
    const std::size_t at = address_.rfind('@');
    local_part_ = address_.substr(0, at);
    in_links_ = local_part_ + "%40" + address_.substr(at + 1);
    // The local part and the domain, whatever stands between.
    pattern_ = "%" + escaped_for_like(local_part_) + "%" + escaped_for_like(address_.substr(at + 1)) + "%";
}

bool PersonText::is(std::string_view text) const {
    if (text.size() <= local_part_.size() || text[local_part_.size()] != '@') return false;
    if (equals_ignoring_case(text, address_)) return true;
    if (!equals_ignoring_case(text.substr(0, local_part_.size()), local_part_)) return false;
    const auto comparable = comparable_address(text);
    return comparable.has_value() && *comparable == address_;
}

std::string PersonText::without(std::string_view text) const { return without(without(text, address_), in_links_); }

std::string PersonText::without(std::string_view text, std::string_view form) const {
    std::string rest;
    std::size_t done = 0;
    for (std::size_t at = 0; (at = find_ignoring_case(text, form, at)) != std::string_view::npos; at += form.size()) {
        if (!stands_alone(text, at, at + form.size())) continue;
        rest.append(text.substr(done, at - done)).append(erased_address);
        done = at + form.size();
    }
    return rest.append(text.substr(done));
}

std::string PersonText::bare_detail(std::string_view detail, EventOf of) {
    boost::json::object bare;
    if (of == EventOf::recipient) bare["recipient"] = erased_address;
    bare["erased"] = true;
    const auto parsed = json::parse(detail);
    if (parsed.has_value() && parsed->is_object())
        for (const auto& [name, value] : parsed->get_object())
            if (std::ranges::find(kept_members, std::string_view(name)) != kept_members.end() && !value.is_structured())
                bare[name] = value;
    return boost::json::serialize(bare);
}

}  // namespace relevo

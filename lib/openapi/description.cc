#include "lib/openapi/description.h"

#include "lib/base/text.h"
#include "lib/json/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::openapi {
namespace {

namespace json = boost::json;
using relevo::json::member;
using relevo::json::text_of;

constexpr auto methods = {"get", "post", "put", "patch", "delete"};
constexpr std::size_t query_pair_limit = 100;

bool is_parameter(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

std::string_view without_query(std::string_view target) { return target.substr(0, target.find('?')); }

std::optional<unsigned> hex_digit(char c) {
    if (is_digit(c)) return static_cast<unsigned>(c - '0');
    c = to_lower(c);
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    return std::nullopt;
}

// A text of a path or query as the type that its schema names; what does not fit stays a string and is told as such.
json::value typed(const Schema& schema, const std::string& text) {
    if ((schema.types.bits & Types::boolean) != 0) {
        if (text == "true") return true;
        if (text == "false") return false;
    }
    if ((schema.types.bits & (Types::integer | Types::number)) != 0) {
        const bool is_negative = text.starts_with('-');
        if (const auto number = parse_decimal<std::int64_t>(std::string_view(text).substr(is_negative ? 1 : 0)))
            return is_negative ? -*number : *number;
    }
    return json::string(text);
}

void fill_defaults(const Schema& schema, json::value& value) {
    auto* object = value.if_object();
    if (object == nullptr) return;
    for (const auto& [name, property] : schema.properties) {
        if (auto* present = object->if_contains(name))
            fill_defaults(*property, *present);
        else if (!property->standard.is_null())
            object->emplace(name, property->standard);
    }
}

}  // namespace

Result<std::shared_ptr<const Description>> Description::parse(std::string_view text) {
    auto description = std::make_shared<Description>();
    description->text_ = text;
    RELEVO_TRY(json::value document, relevo::json::parse(text));
    if (!document.is_object()) return failure(ErrorKind::invalid, "the description must be an object");
    description->document_ = std::move(document.get_object());
    const json::value* paths = description->document_.if_contains("paths");
    if (paths == nullptr || !paths->is_object()) return failure(ErrorKind::invalid, "the description has no paths");
    for (const auto& path : paths->get_object())
        for (const std::string_view method : methods)
            if (const json::value* operation = member(path.value(), method))
                RELEVO_CHECK(description->read_operation(path.key(), method, *operation));
    return description;
}

Result<void> Description::read_operation(const std::string& path, std::string_view method, const json::value& text) {
    Operation operation;
    operation.path = path;
    operation.method = to_upper(method);
    operation.id = text_of(member(text, "operationId"));
    const std::string place = operation.method + " " + path;
    if (operation.id.empty()) return failure(ErrorKind::invalid, place + " has no operationId");
    operation.scope = text_of(member(text, "x-scope"));
    if (const json::value* more = member(text, "x-more-parameters"))
        operation.takes_more_parameters = more->is_bool() && more->get_bool();
    if (const json::value* security = member(text, "security"))
        operation.is_open = security->is_array() && security->get_array().empty();
    if (const json::value* parameters = member(text, "parameters"))
        RELEVO_CHECK(read_parameters(operation, *parameters, place));
    if (const json::value* body = member(text, "requestBody")) RELEVO_CHECK(read_body(operation, *body, place));
    for (const std::string_view segment : split(path, '/'))
        if (is_parameter(segment) && std::ranges::none_of(operation.parameters, [&](const Parameter& parameter) {
                return parameter.place == ParameterPlace::path &&
                       parameter.name == segment.substr(1, segment.size() - 2);
            }))
            return failure(ErrorKind::invalid, fmt::format("{} does not describe {}", place, segment));
    operations_.push_back(std::move(operation));
    return {};
}

Result<void> Description::read_parameters(Operation& operation, const json::value& text, const std::string& place) {
    if (!text.is_array()) return failure(ErrorKind::invalid, place + ": parameters must be a list");
    for (const json::value& given : text.get_array()) {
        const json::value* one = &given;
        if (const std::string_view reference = text_of(member(given, "$ref")); !reference.empty()) {
            constexpr std::string_view prefix = "#/components/parameters/";
            const json::value* components = document_.if_contains("components");
            const json::value* all = components == nullptr ? nullptr : member(*components, "parameters");
            one = all == nullptr || !reference.starts_with(prefix) ? nullptr
                                                                   : member(*all, reference.substr(prefix.size()));
            if (one == nullptr)
                return failure(ErrorKind::invalid, fmt::format("{}: there is no parameter \"{}\"", place, reference));
        }
        Parameter parameter;
        parameter.name = text_of(member(*one, "name"));
        const std::string_view in = text_of(member(*one, "in"));
        const std::string here = fmt::format("{}: parameter \"{}\"", place, parameter.name);
        if (in == "path")
            parameter.place = ParameterPlace::path;
        else if (in == "query")
            parameter.place = ParameterPlace::query;
        else if (in == "header")
            parameter.place = ParameterPlace::header;
        else
            return failure(ErrorKind::invalid, here + " is in no place that is known here");
        const json::value* required = member(*one, "required");
        parameter.is_required = required != nullptr && required->is_bool() && required->get_bool();
        const json::value* schema = member(*one, "schema");
        if (schema == nullptr) return failure(ErrorKind::invalid, here + " has no schema");
        RELEVO_TRY(parameter.schema, schemas_.read(*schema, document_, here));
        RELEVO_CHECK(check_bounds(*parameter.schema, here));
        operation.parameters.push_back(std::move(parameter));
    }
    return {};
}

Result<void> Description::read_body(Operation& operation, const json::value& text, const std::string& place) {
    const json::value* required = member(text, "required");
    operation.is_body_required = required != nullptr && required->is_bool() && required->get_bool();
    const json::value* content = member(text, "content");
    if (content == nullptr || !content->is_object())
        return failure(ErrorKind::invalid, place + ": requestBody has no content");
    for (const auto& type : content->get_object()) {
        operation.body_types.emplace_back(type.key());
        if (type.key() != "application/json") continue;
        const json::value* schema = member(type.value(), "schema");
        if (schema == nullptr) return failure(ErrorKind::invalid, place + ": requestBody has no schema");
        RELEVO_TRY(operation.body, schemas_.read(*schema, document_, place + ": requestBody"));
        RELEVO_CHECK(check_bounds(*operation.body, place + ": requestBody"));
    }
    return {};
}

Match Description::find(std::string_view method, std::string_view target) const {
    const std::vector<std::string_view> segments = split(without_query(target), '/');
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    Match match;
    for (const Operation& operation : operations_) {
        const std::vector<std::string_view> pattern = split(operation.path, '/');
        if (pattern.size() != segments.size()) continue;
        json::object parameters;
        bool fits = true;
        for (std::size_t i = 0; fits && i < pattern.size(); ++i) {
            if (!is_parameter(pattern[i])) {
                fits = pattern[i] == segments[i];
                continue;
            }
            auto value = percent_decoded(segments[i], false);
            fits = value.has_value() && !value->empty();
            if (fits) parameters.emplace(pattern[i].substr(1, pattern[i].size() - 2), *value);
        }
        if (!fits) continue;
        if (operation.method != wanted) {
            match.allowed.push_back(operation.method);
        } else if (match.operation == nullptr || parameters.size() < match.path_parameters.size()) {
            match.operation = &operation;  // fixed words win over parameters
            match.path_parameters = std::move(parameters);
        }
    }
    return match;
}

json::object check_parameters(const Operation& operation, json::object path_parameters, std::string_view target,
                              std::vector<Problem>& problems) {
    json::object arguments;
    const auto parameter = [&](std::string_view name, ParameterPlace place) -> const Parameter* {
        for (const Parameter& one : operation.parameters)
            if (one.name == name && one.place == place) return &one;
        return nullptr;
    };
    for (auto& given : path_parameters) {
        const Parameter* one = parameter(given.key(), ParameterPlace::path);
        json::value value = typed(*one->schema, std::string(given.value().get_string()));
        check(*one->schema, value, std::string(given.key()), problems);
        arguments.insert_or_assign(given.key(), std::move(value));
    }
    const auto query = query_of(target);
    if (!query) problems.push_back({"", "malformed", "the query is not well-formed, or has too many members"});
    for (const auto& [name, text] : query.value_or(QueryPairs{})) {
        const Parameter* one = parameter(name, ParameterPlace::query);
        if (one == nullptr) {
            if (!operation.takes_more_parameters && problems.size() < problem_limit)
                problems.push_back({printable(name, 100), "unknown", "this parameter is not known here"});
            continue;
        }
        if (arguments.contains(name)) {
            problems.push_back({name, "repeated", "this parameter is there twice"});
            continue;
        }
        json::value value = typed(*one->schema, text);
        check(*one->schema, value, name, problems);
        arguments.insert_or_assign(name, std::move(value));
    }
    for (const Parameter& one : operation.parameters) {
        if (one.place == ParameterPlace::header || arguments.contains(one.name)) continue;
        if (one.is_required)
            problems.push_back({one.name, "required", "this parameter is missing"});
        else if (!one.schema->standard.is_null())
            arguments.emplace(one.name, one.schema->standard);
    }
    return arguments;
}

void check_body(const Operation& operation, json::value& body, std::vector<Problem>& problems) {
    if (operation.body == nullptr) return;
    check(*operation.body, body, "", problems);
    if (problems.empty()) fill_defaults(*operation.body, body);
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
            const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
            if (!high || !low) return std::nullopt;
            decoded += static_cast<char>(*high * 16 + *low);
            i += 2;
        }
    }
    if (!is_utf8(decoded) || decoded.contains('\0')) return std::nullopt;
    return decoded;
}

std::optional<QueryPairs> query_of(std::string_view target) {
    QueryPairs pairs;
    const std::size_t question = target.find('?');
    if (question == std::string_view::npos) return pairs;
    for (const std::string_view part : split(target.substr(question + 1), '&')) {
        if (part.empty()) continue;
        if (pairs.size() >= query_pair_limit) return std::nullopt;
        const std::size_t equals = part.find('=');
        auto name = percent_decoded(part.substr(0, equals), true);
        auto value =
            percent_decoded(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1), true);
        if (!name || !value) return std::nullopt;
        pairs.emplace_back(*std::move(name), *std::move(value));
    }
    return pairs;
}

}  // namespace relevo::openapi

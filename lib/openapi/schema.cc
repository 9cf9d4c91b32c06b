#include "lib/openapi/schema.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/mail/address.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo::openapi {
namespace {

namespace json = boost::json;

constexpr std::string_view reference_prefix = "#/components/schemas/";

Result<std::uint8_t> type_bit(std::string_view name, const std::string& place) {
    if (name == "null") return Types::null;
    if (name == "boolean") return Types::boolean;
    if (name == "integer") return Types::integer;
    if (name == "number") return Types::number;
    if (name == "string") return Types::string;
    if (name == "array") return Types::array;
    if (name == "object") return Types::object;
    return failure(ErrorKind::invalid, fmt::format("{}: there is no type \"{}\"", place, name));
}

Result<Types> read_types(const json::value& text, const std::string& place) {
    Types types;
    if (const auto* one = text.if_string()) {
        RELEVO_TRY(types.bits, type_bit(std::string_view(*one), place));
        return types;
    }
    if (const auto* list = text.if_array())
        for (const json::value& name : *list) {
            RELEVO_TRY(const std::uint8_t bit, type_bit(relevo::json::text_of(&name), place));
            types.bits |= bit;
        }
    if (types.bits == 0) return failure(ErrorKind::invalid, place + ": type must be a name or a list of names");
    return types;
}

Result<Format> read_format(std::string_view name, const std::string& place) {
    if (name == "email") return Format::email;
    if (name == "date-time") return Format::date_time;
    if (name == "date") return Format::date;
    if (name == "byte") return Format::byte;
    if (name == "uri") return Format::uri;
    return failure(ErrorKind::invalid, fmt::format("{}: the format \"{}\" is not checked here", place, name));
}

Result<std::int64_t> whole_number(const json::value& text, const std::string& place) {
    if (const auto* number = text.if_int64()) return *number;
    return failure(ErrorKind::invalid, place + " must be a whole number");
}

Result<std::size_t> size_of(const json::value& text, const std::string& place) {
    RELEVO_TRY(const std::int64_t number, whole_number(text, place));
    if (number < 0) return failure(ErrorKind::invalid, place + " must not be negative");
    return static_cast<std::size_t>(number);
}

std::uint8_t type_of(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null: return Types::null;
        case json::kind::bool_: return Types::boolean;
        case json::kind::int64:
        case json::kind::uint64: return Types::integer | Types::number;
        case json::kind::double_: return Types::number;
        case json::kind::string: return Types::string;
        case json::kind::array: return Types::array;
        case json::kind::object: return Types::object;
    }
    return 0;
}

std::string names_of(Types types) {
    std::vector<std::string_view> names;
    if ((types.bits & Types::string) != 0) names.emplace_back("a string");
    if ((types.bits & Types::integer) != 0) names.emplace_back("a whole number");
    if ((types.bits & Types::number) != 0) names.emplace_back("a number");
    if ((types.bits & Types::boolean) != 0) names.emplace_back("true or false");
    if ((types.bits & Types::array) != 0) names.emplace_back("a list");
    if ((types.bits & Types::object) != 0) names.emplace_back("an object");
    if ((types.bits & Types::null) != 0) names.emplace_back("null");
    return fmt::format("{}", fmt::join(names, " or "));
}

std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
    const auto month = parse_decimal<unsigned>(text.substr(5, 2));
    const auto day = parse_decimal<unsigned>(text.substr(8, 2));
    return parse_decimal<unsigned>(text.substr(0, 4)) && month && *month >= 1 && *month <= 12 && day && *day >= 1 &&
           *day <= 31;
}

// RFC 3339 in UTC, with or without a fraction of at most nine digits.
bool is_date_time(std::string_view text) {
    if (text.size() < 20 || !is_date(text.substr(0, 10)) || text[10] != 'T' || text.back() != 'Z' || text[13] != ':' ||
        text[16] != ':')
        return false;
    const auto within = [&](std::size_t at, unsigned limit) {
        const auto number = parse_decimal<unsigned>(text.substr(at, 2));
        return number && *number < limit;
    };
    if (!within(11, 24) || !within(14, 60) || !within(17, 61)) return false;
    const std::string_view fraction = text.substr(19, text.size() - 20);
    return fraction.empty() || (fraction.size() >= 2 && fraction.size() <= 10 && fraction.front() == '.' &&
                                std::ranges::all_of(fraction.substr(1), is_digit));
}

bool is_web_address(std::string_view text) {
    return (starts_with_ignoring_case(text, "https://") || starts_with_ignoring_case(text, "http://")) &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; });
}

bool fits(Format format, std::string_view text) {
    switch (format) {
        case Format::none: return true;
        case Format::email: return mail::Address::parse(text, mail::Utf8::allowed).has_value();
        case Format::date_time: return is_date_time(text);
        case Format::date: return is_date(text);
        case Format::byte: return decode_base64(text).has_value();
        case Format::uri: return is_web_address(text);
    }
    return false;
}

std::string_view meaning_of(Format format) {
    switch (format) {
        case Format::email: return "an address such as \"ana@example.com\"";
        case Format::date_time: return "a time in UTC such as \"2027-01-31T12:00:00Z\"";
        case Format::date: return "a day such as \"2027-01-31\"";
        case Format::byte: return "base 64 with padding (RFC 4648)";
        case Format::uri: return "a web address such as \"https://example.com/hook\"";
        case Format::none: break;
    }
    return "";
}

// Collects problems; says nothing beyond the limit.
class Checker {
 public:
    explicit Checker(std::vector<Problem>& problems) : problems_(problems) {}
    void check(const Schema& schema, const json::value& value, const std::string& pointer);

 private:
    void tell(const std::string& pointer, std::string_view code, std::string detail) {
        if (problems_.size() < problem_limit) problems_.push_back({pointer, std::string(code), std::move(detail)});
    }
    void check_alternatives(const Schema& schema, const json::value& value, const std::string& pointer);
    void check_object(const Schema& schema, const json::object& value, const std::string& pointer);
    void check_array(const Schema& schema, const json::array& value, const std::string& pointer);
    void check_string(const Schema& schema, std::string_view value, const std::string& pointer);
    void check_number(const Schema& schema, const json::value& value, const std::string& pointer);
    std::vector<Problem>& problems_;
};

void Checker::check(const Schema& schema, const json::value& value, const std::string& pointer) {
    if (!schema.alternatives.empty()) return check_alternatives(schema, value, pointer);
    if (schema.types.bits != 0 && (schema.types.bits & type_of(value)) == 0)
        return tell(pointer, "type", fmt::format("must be {}", names_of(schema.types)));
    if (!schema.allowed.empty() && std::ranges::find(schema.allowed, value) == schema.allowed.end()) {
        std::vector<std::string> names;
        for (const json::value& one : schema.allowed) names.push_back(json::serialize(one));
        return tell(pointer, "not_allowed", fmt::format("must be one of {}", fmt::join(names, ", ")));
    }
    if (const auto* object = value.if_object()) return check_object(schema, *object, pointer);
    if (const auto* array = value.if_array()) return check_array(schema, *array, pointer);
    if (const auto* string = value.if_string()) return check_string(schema, *string, pointer);
    if (value.is_number()) check_number(schema, value, pointer);
}

// The first one of the value's type is meant, so that its problems can be told.
void Checker::check_alternatives(const Schema& schema, const json::value& value, const std::string& pointer) {
    Types all;
    for (const Schema* one : schema.alternatives) {
        if ((one->types.bits & type_of(value)) != 0) return check(*one, value, pointer);
        all.bits |= one->types.bits;
    }
    tell(pointer, "type", fmt::format("must be {}", names_of(all)));
}

void Checker::check_object(const Schema& schema, const json::object& value, const std::string& pointer) {
    if (schema.max_properties && value.size() > *schema.max_properties)
        tell(pointer, "too_many",
             fmt::format("has {} members, at most {} are allowed", value.size(), *schema.max_properties));
    for (const std::string& name : schema.required)
        if (!value.contains(name)) tell(pointer_to(pointer, name), "required", "is missing");
    std::vector<std::string_view> known;
    for (const auto& member : value) {
        const std::string_view name = member.key();
        if (const auto found = schema.properties.find(name); found != schema.properties.end()) {
            check(*found->second, member.value(), pointer_to(pointer, name));
            continue;
        }
        if (schema.max_name_length && code_points(name) > *schema.max_name_length)
            tell(pointer, "too_long", fmt::format("a name of more than {} characters", *schema.max_name_length));
        if (schema.others != nullptr) {
            check(*schema.others, member.value(), pointer_to(pointer, name));
        } else if (schema.is_closed) {
            if (known.empty())
                for (const auto& [one, ignored] : schema.properties) known.emplace_back(one);
            const auto meant = nearest_name(name, known);
            tell(pointer_to(pointer, printable(name, 100)), "unknown",
                 meant ? fmt::format("is not known here: did you mean \"{}\"?", *meant) : "is not known here");
        }
        if (problems_.size() >= problem_limit) return;
    }
}

void Checker::check_array(const Schema& schema, const json::array& value, const std::string& pointer) {
    if (schema.min_items && value.size() < *schema.min_items)
        tell(pointer, "too_few",
             fmt::format("has {} elements, at least {} are needed", value.size(), *schema.min_items));
    if (schema.max_items && value.size() > *schema.max_items)
        return tell(pointer, "too_many",
                    fmt::format("has {} elements, at most {} are allowed", value.size(), *schema.max_items));
    if (schema.items == nullptr) return;
    for (std::size_t i = 0; i < value.size() && problems_.size() < problem_limit; ++i)
        check(*schema.items, value[i], fmt::format("{}/{}", pointer, i));
}

void Checker::check_string(const Schema& schema, std::string_view value, const std::string& pointer) {
    const std::size_t length = code_points(value);
    if (schema.min_length && length < *schema.min_length)
        return tell(pointer, "too_short",
                    *schema.min_length == 1 ? "must not be empty"
                                            : fmt::format("must have {} characters or more", *schema.min_length));
    if (schema.max_length && length > *schema.max_length)
        return tell(pointer, "too_long",
                    fmt::format("has {} characters, at most {} are allowed", length, *schema.max_length));
    if (schema.format != Format::none && !fits(schema.format, value))
        tell(pointer, "format", fmt::format("must be {}", meaning_of(schema.format)));
}

void Checker::check_number(const Schema& schema, const json::value& value, const std::string& pointer) {
    const double number = value.to_number<double>();
    if (schema.minimum && number < static_cast<double>(*schema.minimum))
        tell(pointer, "too_small", fmt::format("must be {} or more", *schema.minimum));
    if (schema.maximum && number > static_cast<double>(*schema.maximum))
        tell(pointer, "too_large", fmt::format("must be {} or less", *schema.maximum));
}

}  // namespace

std::string pointer_to(const std::string& pointer, std::string_view name) {
    std::string step = pointer + '/';
    for (const char c : name) {
        if (c == '~')
            step += "~0";
        else if (c == '/')
            step += "~1";
        else
            step += c;
    }
    return step;
}

void check(const Schema& schema, const json::value& value, const std::string& pointer, std::vector<Problem>& problems) {
    Checker(problems).check(schema, value, pointer);
}

Result<const Schema*> SchemaStore::read(const json::value& text, const json::object& document,
                                        const std::string& place) {
    const auto* object = text.if_object();
    if (object == nullptr) return failure(ErrorKind::invalid, place + " must be an object");
    const auto* reference = object->if_contains("$ref");
    if (reference == nullptr) {
        Schema& schema = schemas_.emplace_back();
        RELEVO_CHECK(read_into(schema, *object, document, place));
        return &schema;
    }
    const std::string_view target = relevo::json::text_of(reference);
    if (const auto known = by_reference_.find(target); known != by_reference_.end()) return known->second;
    const auto* components = document.if_contains("components");
    const auto* all = components == nullptr ? nullptr : relevo::json::member(*components, "schemas");
    const auto* meant = all == nullptr || !target.starts_with(reference_prefix)
                            ? nullptr
                            : relevo::json::member(*all, target.substr(reference_prefix.size()));
    if (meant == nullptr || !meant->is_object())
        return failure(ErrorKind::invalid, fmt::format("{}: there is no schema \"{}\"", place, target));
    Schema& schema = schemas_.emplace_back();
    by_reference_.emplace(target, &schema);  // before it is read: a schema may hold itself
    RELEVO_CHECK(read_into(schema, meant->get_object(), document, std::string(target)));
    return &schema;
}

namespace {

// Said for people and programs of clients; nothing to check.
constexpr auto remarks = {"description", "title", "examples", "example", "deprecated", "readOnly"};

}  // namespace

Result<void> SchemaStore::read_into(Schema& schema, const json::object& text, const json::object& document,
                                    const std::string& place) {
    for (const auto& member : text) {
        const std::string_view name = member.key();
        const json::value& value = member.value();
        const std::string here = place + "/" + std::string(name);
        if (name == "type") {
            RELEVO_TRY(schema.types, read_types(value, here));
        } else if (name == "properties") {
            if (!value.is_object()) return failure(ErrorKind::invalid, here + " must be an object");
            for (const auto& property : value.get_object()) {
                RELEVO_TRY(const Schema* one,
                           read(property.value(), document, here + "/" + std::string(property.key())));
                schema.properties.emplace(property.key(), one);
            }
        } else if (name == "required" || name == "enum") {
            if (!value.is_array()) return failure(ErrorKind::invalid, here + " must be a list");
            for (const json::value& one : value.get_array()) {
                if (name == "enum")
                    schema.allowed.push_back(one);
                else
                    schema.required.emplace_back(relevo::json::text_of(&one));
            }
        } else if (name == "const") {
            schema.allowed = {value};
        } else if (name == "additionalProperties") {
            if (value.is_bool()) {
                schema.is_closed = !value.get_bool();
            } else {
                RELEVO_TRY(schema.others, read(value, document, here));
            }
        } else if (name == "propertyNames") {
            const json::value* longest = relevo::json::member(value, "maxLength");
            if (longest == nullptr) return failure(ErrorKind::invalid, here + " must have maxLength");
            RELEVO_TRY(schema.max_name_length, size_of(*longest, here));
        } else if (name == "items") {
            RELEVO_TRY(schema.items, read(value, document, here));
        } else if (name == "oneOf") {
            if (!value.is_array()) return failure(ErrorKind::invalid, here + " must be a list");
            for (const json::value& one : value.get_array()) {
                RELEVO_TRY(const Schema* alternative, read(one, document, here));
                schema.alternatives.push_back(alternative);
            }
        } else if (name == "maxProperties") {
            RELEVO_TRY(schema.max_properties, size_of(value, here));
        } else if (name == "minItems") {
            RELEVO_TRY(schema.min_items, size_of(value, here));
        } else if (name == "maxItems") {
            RELEVO_TRY(schema.max_items, size_of(value, here));
        } else if (name == "minLength") {
            RELEVO_TRY(schema.min_length, size_of(value, here));
        } else if (name == "maxLength") {
            RELEVO_TRY(schema.max_length, size_of(value, here));
        } else if (name == "minimum") {
            RELEVO_TRY(schema.minimum, whole_number(value, here));
        } else if (name == "maximum") {
            RELEVO_TRY(schema.maximum, whole_number(value, here));
        } else if (name == "format") {
            RELEVO_TRY(schema.format, read_format(relevo::json::text_of(&value), here));
        } else if (name == "default") {
            schema.standard = value;
        } else if (std::ranges::find(remarks, name) == remarks.end()) {
            return failure(ErrorKind::invalid, here + ": this keyword is not checked here");
        }
    }
    return {};
}

namespace {

Result<void> check_bounds(const Schema& schema, const std::string& place, std::set<const Schema*>& seen) {
    if (!seen.insert(&schema).second) return {};  // it holds itself; the depth of JSON is bounded
    for (const Schema* one : schema.alternatives) RELEVO_CHECK(check_bounds(*one, place, seen));
    if (!schema.alternatives.empty() || !schema.allowed.empty()) return {};
    const auto has = [&](std::uint8_t bit) { return schema.types.bits == 0 || (schema.types.bits & bit) != 0; };
    const auto without = [&](std::string_view what) {
        return failure(ErrorKind::invalid, fmt::format("{}: a client may send this, so it needs {}", place, what));
    };
    if (schema.types.bits == 0) return without("a type");
    if (has(Types::string) && !schema.max_length) return without("maxLength");
    if (has(Types::integer | Types::number) && !(schema.minimum && schema.maximum))
        return without("minimum and maximum");
    if (has(Types::array)) {
        if (!schema.max_items || schema.items == nullptr) return without("maxItems and items");
        RELEVO_CHECK(check_bounds(*schema.items, place + "/items", seen));
    }
    if (!has(Types::object)) return {};
    if (schema.others != nullptr) {
        if (!schema.max_properties || !schema.max_name_length) return without("maxProperties and propertyNames");
        RELEVO_CHECK(check_bounds(*schema.others, place + "/additionalProperties", seen));
    } else if (!schema.is_closed) {
        return without("additionalProperties");
    }
    for (const auto& [name, property] : schema.properties)
        RELEVO_CHECK(check_bounds(*property, place + "/" + name, seen));
    return {};
}

}  // namespace

Result<void> check_bounds(const Schema& schema, const std::string& place) {
    std::set<const Schema*> seen;
    return check_bounds(schema, place, seen);
}

}  // namespace relevo::openapi

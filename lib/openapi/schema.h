// The part of JSON Schema (2020-12) that API descriptions use, and values held against it.
#pragma once

#include "lib/base/result.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::openapi {

// What is wrong with one place of a request.
struct Problem {
    std::string pointer;  // RFC 6901: "/to/0/email"; of a parameter: its name
    std::string code;     // stable, for programs: "required", "unknown", "type", "too_long", …
    std::string detail;   // one sentence for people
};

enum class Format : std::uint8_t { none, email, date_time, date, byte, uri };

// A bit for each JSON type.
struct Types {
    static constexpr std::uint8_t null = 1, boolean = 2, integer = 4, number = 8, string = 16, array = 32, object = 64;
    std::uint8_t bits = 0;  // 0: any
};

struct Schema {
    Types types;
    // object
    std::map<std::string, const Schema*, std::less<>> properties;
    std::vector<std::string> required;
    bool is_closed = false;          // additionalProperties: false
    const Schema* others = nullptr;  // additionalProperties: {…}
    std::optional<std::size_t> max_properties;
    std::optional<std::size_t> max_name_length;  // propertyNames: {maxLength}
    // array
    const Schema* items = nullptr;
    std::optional<std::size_t> min_items, max_items;
    // string; lengths count code points
    std::optional<std::size_t> min_length, max_length;
    Format format = Format::none;
    // number
    std::optional<std::int64_t> minimum, maximum;
    std::vector<boost::json::value> allowed;  // enum, const
    std::vector<const Schema*> alternatives;  // oneOf, told apart by type
    boost::json::value standard;              // default; null: none
};

// Schemas that live as long as this. Threads: none while it is filled.
class SchemaStore {
 public:
    // Reads `text` and what it refers to ("#/components/schemas/…" of `document`). Errors: invalid – an unknown
    // keyword, a reference to nothing; the place is named.
    [[nodiscard]] Result<const Schema*> read(const boost::json::value& text, const boost::json::object& document,
                                             const std::string& place);

 private:
    [[nodiscard]] Result<void> read_into(Schema& schema, const boost::json::object& text,
                                         const boost::json::object& document, const std::string& place);
    std::deque<Schema> schemas_;
    std::map<std::string, const Schema*, std::less<>> by_reference_;
};

// Whether every value that fits is bounded in size. Errors: invalid – naming the place that is not.
[[nodiscard]] Result<void> check_bounds(const Schema& schema, const std::string& place);

inline constexpr std::size_t problem_limit = 50;  // no more are told at once

// Appends what is wrong with `value`, at most problem_limit in all.
void check(const Schema& schema, const boost::json::value& value, const std::string& pointer,
           std::vector<Problem>& problems);

// A JSON pointer's next step (RFC 6901 §3).
[[nodiscard]] std::string pointer_to(const std::string& pointer, std::string_view name);

}  // namespace relevo::openapi

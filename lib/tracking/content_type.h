// The value of a Content-Type or Content-Disposition field (RFC 2045 §5.1, RFC 2183 §2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo::tracking {

struct FieldWithParameters {
    std::string value;                                            // "text/html", "attachment": lower case
    std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, values without quotes
    [[nodiscard]] const std::string* find(std::string_view name) const;
};

// Comments are stepped over. nullopt: not the grammar, a parameter twice, or more than 50 of them.
[[nodiscard]] std::optional<FieldWithParameters> parse_field_with_parameters(std::string_view field_value);

}  // namespace relevo::tracking

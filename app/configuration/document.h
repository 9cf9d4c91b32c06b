// A TOML text as a plain tree with places, so that only one source file has to compile toml++.
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::configuration {

struct Place {
    std::uint32_t line = 0;  // from 1
    std::uint32_t column = 0;
};

struct Node {
    enum class Kind : std::uint8_t { text, integer, fraction, boolean, date, list, table };
    Kind kind = Kind::table;
    std::string name;  // its key, if it stands in a table
    Place name_place;
    Place place;
    std::string text;
    std::int64_t integer = 0;
    double fraction = 0;
    bool boolean = false;
    std::vector<Node> children;  // of a list or a table; a table's are in the order of the text

    [[nodiscard]] const Node* find(std::string_view key) const;
};
// "a text", "a list", for messages.
[[nodiscard]] std::string_view words_of(Node::Kind kind);

struct SyntaxProblem {
    Place place;
    std::string text;
};

inline constexpr std::size_t document_limit_octets = std::size_t{1024} * 1024;

// Errors: what is wrong and where; TOML 1.0. At most 256 levels deep, at most 1 MiB.
[[nodiscard]] std::expected<Node, SyntaxProblem> parse_document(std::string_view toml);

}  // namespace relevo::configuration

#include "app/configuration/document.h"

#include <algorithm>
#include <tuple>

// The one file that compiles toml++ (architecture §4). With exceptions: without them its parser goes on after an error
// and runs into its own assertions. None leaves parse_document().
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace relevo::configuration {
namespace {

constexpr std::size_t document_limit_octets = std::size_t{1024} * 1024;

Place place_of(const toml::source_position& position) {
    return {static_cast<std::uint32_t>(position.line), static_cast<std::uint32_t>(position.column)};
}

Node convert(const toml::node& node);

void convert_table(const toml::table& table, Node& result) {
    for (const auto& [key, value] : table) {
        Node child = convert(value);
        child.name = std::string(key.str());
        child.name_place = place_of(key.source().begin);
        result.children.push_back(std::move(child));
    }
    // toml++ sorts by name; people expect problems and sections in the order of their file.
    std::ranges::sort(result.children, {}, [](const Node& child) {
        return std::tuple(child.name_place.line, child.name_place.column, std::string_view(child.name));
    });
}

Node convert(const toml::node& node) {
    Node result;
    result.place = place_of(node.source().begin);
    if (const auto* table = node.as_table()) {
        result.kind = Node::Kind::table;
        convert_table(*table, result);
    } else if (const auto* array = node.as_array()) {
        result.kind = Node::Kind::list;
        for (const toml::node& element : *array) result.children.push_back(convert(element));
    } else if (const auto* text = node.as_string()) {
        result.kind = Node::Kind::text;
        result.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        result.kind = Node::Kind::integer;
        result.integer = integer->get();
    } else if (const auto* fraction = node.as_floating_point()) {
        result.kind = Node::Kind::fraction;
        result.fraction = fraction->get();
    } else if (const auto* boolean = node.as_boolean()) {
        result.kind = Node::Kind::boolean;
        result.boolean = boolean->get();
    } else {
        result.kind = Node::Kind::date;
    }
    return result;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
    const auto found = std::ranges::find(children, key, &Node::name);
    return found == children.end() ? nullptr : &*found;
}

std::string_view words_of(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::text: return "a text";
        case Node::Kind::integer: return "a whole number";
        case Node::Kind::fraction: return "a number with decimals";
        case Node::Kind::boolean: return "true or false";
        case Node::Kind::date: return "a date or time";
        case Node::Kind::list: return "a list";
        case Node::Kind::table: return "a section";
    }
    return "";
}

std::expected<Node, SyntaxProblem> parse_document(std::string_view toml) {
    if (toml.size() > document_limit_octets)
        return std::unexpected(SyntaxProblem{{1, 1}, "the file is larger than 1 MiB"});
    try {
        return convert(toml::parse(toml));
    } catch (const toml::parse_error& error) {
        return std::unexpected(SyntaxProblem{place_of(error.source().begin), std::string(error.description())});
    }
}

}  // namespace relevo::configuration

#include "lib/json/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parser.hpp>

namespace relevo::json {
namespace {

// Hears the text once more and counts the members that it names.
struct MemberCounter {
    using string_view = boost::json::string_view;
    using error_code = boost::json::error_code;
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1), max_array_size = max_object_size,
                                 max_key_size = max_object_size, max_string_size = max_object_size;
    std::size_t members = 0;

    static bool on_document_begin(error_code&) { return true; }
    static bool on_document_end(error_code&) { return true; }
    static bool on_object_begin(error_code&) { return true; }
    static bool on_object_end(std::size_t, error_code&) { return true; }
    static bool on_array_begin(error_code&) { return true; }
    static bool on_array_end(std::size_t, error_code&) { return true; }
    static bool on_key_part(string_view, std::size_t, error_code&) { return true; }
    bool on_key(string_view, std::size_t, error_code&) {
        ++members;
        return true;
    }
    static bool on_string_part(string_view, std::size_t, error_code&) { return true; }
    static bool on_string(string_view, std::size_t, error_code&) { return true; }
    static bool on_number_part(string_view, error_code&) { return true; }
    static bool on_int64(std::int64_t, string_view, error_code&) { return true; }
    static bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
    static bool on_double(double, string_view, error_code&) { return true; }
    static bool on_bool(bool, error_code&) { return true; }
    static bool on_null(error_code&) { return true; }
    static bool on_comment_part(string_view, error_code&) { return true; }
    static bool on_comment(string_view, error_code&) { return true; }
};

// As deep as the parser let it be.
std::size_t members_of(const boost::json::value& value) {
    std::size_t count = 0;
    if (const auto* object = value.if_object()) {
        count += object->size();
        for (const auto& member : *object) count += members_of(member.value());
    } else if (const auto* array = value.if_array()) {
        for (const auto& entry : *array) count += members_of(entry);
    }
    return count;
}

bool names_a_member_twice(std::string_view text, const boost::json::value& value,
                          const boost::json::parse_options& options) {
    boost::json::basic_parser<MemberCounter> counter(options);
    boost::json::error_code problem;
    counter.write_some(false, text.data(), text.size(), problem);
    return counter.handler().members != members_of(value);
}

boost::json::parse_options options_of(Bounds bounds) {
    boost::json::parse_options options;
    options.max_depth = bounds.depth;
    return options;
}

Result<boost::json::value> parse_with(boost::json::parser& parser, std::string_view text, Bounds bounds) {
    if (text.size() > bounds.octets)
        return failure(ErrorKind::limit, "JSON of " + std::to_string(text.size()) + " octets");
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // RFC 8259 §8.1: readers may ignore it
    boost::json::error_code problem;
    const std::size_t read = parser.write(text, problem);
    if (problem == boost::json::error::too_deep) return failure(ErrorKind::limit, "JSON nested too deeply");
    if (problem)
        return failure(ErrorKind::invalid, "no JSON at octet " + std::to_string(read) + ": " + problem.message());
    boost::json::value value = parser.release();
    if (bounds.same_names == SameNames::refused && names_a_member_twice(text, value, options_of(bounds)))
        return failure(ErrorKind::invalid, "an object has two members of one name");
    return value;
}

}  // namespace

Result<boost::json::value> parse(std::string_view text, Bounds bounds) {
    boost::json::parser parser({}, options_of(bounds));
    return parse_with(parser, text, bounds);
}

Parser::Parser(Bounds bounds)
    : bounds_(bounds),
      memory_(space_.data(), space_.size()),
      parser_({}, options_of(bounds), stack_.data(), stack_.size()) {}

Result<const boost::json::value*> Parser::parse(std::string_view text) {
    parser_.reset();
    std::destroy_at(&value_);
    memory_.release();
    std::construct_at(&value_, boost::json::storage_ptr(&memory_));
    parser_.reset(&memory_);
    RELEVO_TRY(value_, parse_with(parser_, text, bounds_));
    return &value_;
}

const boost::json::value* member(const boost::json::value& object, std::string_view name) {
    const boost::json::object* found = object.if_object();
    return found != nullptr ? found->if_contains(name) : nullptr;
}

std::string_view text_of(const boost::json::value* value) {
    const boost::json::string* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string_view(text->data(), text->size()) : std::string_view();
}

}  // namespace relevo::json

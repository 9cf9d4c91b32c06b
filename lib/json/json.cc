#include "lib/json/json.h"

namespace relevo::json {
namespace {

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
    return parser.release();
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

#include "lib/json/json.h"

#include <boost/json/parser.hpp>

namespace relevo::json {

Result<boost::json::value> parse(std::string_view text, Bounds bounds) {
    if (text.size() > bounds.octets)
        return failure(ErrorKind::limit, "JSON of " + std::to_string(text.size()) + " octets");
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // RFC 8259 §8.1: readers may ignore it
    boost::json::parse_options options;
    options.max_depth = bounds.depth;
    boost::json::parser parser({}, options);
    boost::json::error_code problem;
    const std::size_t read = parser.write(text, problem);
    if (problem == boost::json::error::too_deep) return failure(ErrorKind::limit, "JSON nested too deeply");
    if (problem)
        return failure(ErrorKind::invalid, "no JSON at octet " + std::to_string(read) + ": " + problem.message());
    return parser.release();
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

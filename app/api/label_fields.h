// Tags and metadata of a request as the fields that a message has over SMTP (core/reception/message_labels.h).
#pragma once

#include <boost/json/value.hpp>

#include <expected>
#include <string>
#include <string_view>

namespace relevo::api {

struct LabelProblem {
    std::string member;  // of the request: "tags"
    std::string place;   // within: "0", or the name of a value
    std::string detail;
};

// `tags`: a list of texts, or one; `metadata`: an object of texts; both as the members of `body` are called. What is
// missing gives no fields. Control characters are refused, as they would end a field.
[[nodiscard]] std::expected<std::string, LabelProblem> label_fields(const boost::json::value& body,
                                                                    std::string_view tags, std::string_view metadata);

}  // namespace relevo::api

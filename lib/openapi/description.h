// An API as its OpenAPI 3.1 description tells it (spec.openapis.org/oas/v3.1.0).
#pragma once

#include "lib/openapi/schema.h"

#include <memory>
#include <span>
#include <utility>

namespace relevo::openapi {

enum class ParameterPlace : std::uint8_t { path, query, header };

struct Parameter {
    std::string name;
    ParameterPlace place = ParameterPlace::query;
    bool is_required = false;
    const Schema* schema = nullptr;
};

struct Operation {
    std::string id;        // operationId
    std::string method;    // "GET"
    std::string path;      // "/api/v1/domains/{domain}"
    std::string scope;     // x-scope: what a key must be allowed; "": anybody who is known
    bool is_open = false;  // security: []: nobody needs to be known
    // x-more-parameters: those of the query that are not described are ignored, where others than clients of the API
    // write it ("The client MUST ignore unrecognized response parameters", RFC 6749 §4.1.2).
    bool takes_more_parameters = false;
    std::vector<Parameter> parameters;
    const Schema* body = nullptr;  // of application/json; nullptr: takes none
    bool is_body_required = false;
    std::vector<std::string> body_types;  // media types that are taken
};

struct Match {
    const Operation* operation = nullptr;  // nullptr: see `allowed`
    boost::json::object path_parameters;   // decoded
    std::vector<std::string> allowed;      // methods of the path, if it has others; empty: there is no such path
};

// Immutable. Threads: any.
class Description {
 public:
    // Errors: invalid – the description is wrong, or lets a client send something without a bound; the place is named.
    [[nodiscard]] static Result<std::shared_ptr<const Description>> parse(std::string_view text);

    // `target`: as sent, with its query. HEAD is looked up as GET.
    [[nodiscard]] Match find(std::string_view method, std::string_view target) const;
    [[nodiscard]] std::span<const Operation> operations() const { return operations_; }
    [[nodiscard]] const std::string& text() const { return text_; }
    // The document, for tests that replay its examples.
    [[nodiscard]] const boost::json::object& document() const { return document_; }

 private:
    [[nodiscard]] Result<void> read_operation(const std::string& path, std::string_view method,
                                              const boost::json::value& text);
    [[nodiscard]] Result<void> read_parameters(Operation& operation, const boost::json::value& text,
                                               const std::string& place);
    [[nodiscard]] Result<void> read_body(Operation& operation, const boost::json::value& text,
                                         const std::string& place);
    std::string text_;
    boost::json::object document_;
    SchemaStore schemas_;
    std::vector<Operation> operations_;
};

// The parameters of the path (from find()) and the query, each as its schema's type. Defaults are filled in; problems
// are appended.
[[nodiscard]] boost::json::object check_parameters(const Operation& operation, boost::json::object path_parameters,
                                                   std::string_view target, std::vector<Problem>& problems);
// A body against its schema; members that are absent and have a default are filled in.
void check_body(const Operation& operation, boost::json::value& body, std::vector<Problem>& problems);

// "%2F" to "/"; with `plus_is_space` as forms and queries write it. nullopt: not well-formed, or no UTF-8, or with NUL.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);
// The pairs of a query, in order. nullopt: one is not well-formed.
using QueryPairs = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<QueryPairs> query_of(std::string_view target);

}  // namespace relevo::openapi

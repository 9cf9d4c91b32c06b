#include "lib/xml/xml_reader.h"

#include "lib/base/text.h"

#include <expat.h>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace relevo::xml {
namespace {

struct FreeParser {
    void operator()(XML_ParserStruct* parser) const { XML_ParserFree(parser); }
};

// "ns:name" to "name".
std::string_view local_name(const XML_Char* name) {
    const std::string_view whole(name);
    const auto colon = whole.rfind(':');
    return colon == std::string_view::npos ? whole : whole.substr(colon + 1);
}

class Walk {
 public:
    Walk(XmlVisitor& visitor, XmlBounds bounds)
        : visitor_(visitor), bounds_(bounds), parser_(XML_ParserCreate(nullptr)) {
        XML_SetUserData(parser_.get(), this);
        XML_SetElementHandler(parser_.get(), on_begin, on_end);
        XML_SetCharacterDataHandler(parser_.get(), on_text);
        XML_SetStartDoctypeDeclHandler(parser_.get(), on_doctype);
        XML_SetParamEntityParsing(parser_.get(), XML_PARAM_ENTITY_PARSING_NEVER);
    }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    Result<void> run(std::string_view xml) {
        const auto status = XML_Parse(parser_.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE);
        if (problem_) return std::unexpected(*problem_);
        if (status == XML_STATUS_OK) return {};
        return failure(ErrorKind::invalid, "line " + std::to_string(XML_GetCurrentLineNumber(parser_.get())) +
                                               " of the XML: " + XML_ErrorString(XML_GetErrorCode(parser_.get())));
    }

 private:
    // expat may call on after a stop; the first problem counts.
    void stop(Error problem) {
        if (problem_) return;
        problem_ = std::move(problem);
        XML_StopParser(parser_.get(), XML_FALSE);
    }

    static void on_begin(void* self, const XML_Char* name, const XML_Char**) {
        auto& walk = *static_cast<Walk*>(self);
        if (walk.problem_) return;
        if (walk.texts_.size() >= walk.bounds_.depth)
            return walk.stop(
                {ErrorKind::limit, "XML nested more than " + std::to_string(walk.bounds_.depth) + " deep"});
        walk.texts_.emplace_back();
        if (auto result = walk.visitor_.begin(local_name(name)); !result) walk.stop(result.error());
    }
    static void on_end(void* self, const XML_Char* name) {
        auto& walk = *static_cast<Walk*>(self);
        if (walk.problem_ || walk.texts_.empty()) return;
        const std::string text = std::move(walk.texts_.back());
        walk.texts_.pop_back();
        if (auto result = walk.visitor_.end(local_name(name), trimmed(text)); !result) walk.stop(result.error());
    }
    static void on_text(void* self, const XML_Char* text, int size) {
        auto& walk = *static_cast<Walk*>(self);
        if (walk.texts_.empty()) return;
        std::string& held = walk.texts_.back();
        if (held.size() < walk.bounds_.text_octets)
            held.append(text, std::min(static_cast<std::size_t>(size), walk.bounds_.text_octets - held.size()));
    }
    static void on_doctype(void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
        static_cast<Walk*>(self)->stop(
            {ErrorKind::refused, "the XML has a document type declaration, which is not read"});
    }

    XmlVisitor& visitor_;
    XmlBounds bounds_;
    std::vector<std::string> texts_;  // of the open elements
    std::optional<Error> problem_;
    std::unique_ptr<XML_ParserStruct, FreeParser> parser_;
};

}  // namespace

Result<void> walk_xml(std::string_view xml, XmlVisitor& visitor, XmlBounds bounds) {
    if (xml.size() > bounds.octets || xml.size() > std::numeric_limits<int>::max())
        return failure(ErrorKind::limit, "XML of " + std::to_string(xml.size()) + " octets");
    return Walk(visitor, bounds).run(xml);
}

}  // namespace relevo::xml

#include "lib/tracking/content_type.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo::tracking {
namespace {

constexpr std::size_t parameter_limit = 50;

class FieldReader {
 public:
    explicit FieldReader(std::string_view text) : text_(text) {}
    [[nodiscard]] bool at_end() const { return place_ >= text_.size(); }
    [[nodiscard]] bool take(char wanted) {
        if (at_end() || text_[place_] != wanted) return false;
        ++place_;
        return true;
    }
    // White space, folding and comments. False: a comment does not end.
    [[nodiscard]] bool skip() {
        int depth = 0;
        for (; !at_end(); ++place_) {
            const char c = text_[place_];
            if (c == '(') ++depth;
            if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n') return true;
            if (c == ')') --depth;
            if (c == '\\' && depth > 0) ++place_;
        }
        return depth == 0;
    }
    // A token; a '/' belongs to it, since types are read whole and programs do not quote it in values.
    [[nodiscard]] std::string_view token() {
        const std::size_t begin = place_;
        while (!at_end() && static_cast<unsigned char>(text_[place_]) > ' ' &&
               std::string_view("()<>@,;:\\\"[]=").find(text_[place_]) == std::string_view::npos)
            ++place_;
        return text_.substr(begin, place_ - begin);
    }
    // A value: a token, more liberally than the grammar as some programs forget the quotes, or a quoted string.
    [[nodiscard]] std::optional<std::string> value() {
        if (!take('"')) {
            const std::size_t begin = place_;
            while (!at_end() && static_cast<unsigned char>(text_[place_]) > ' ' && text_[place_] != ';' &&
                   text_[place_] != '"' && text_[place_] != '(')
                ++place_;
            if (place_ == begin) return std::nullopt;
            return std::string(text_.substr(begin, place_ - begin));
        }
        std::string quoted;
        while (!at_end() && text_[place_] != '"') {
            if (text_[place_] == '\\' && ++place_ == text_.size()) return std::nullopt;
            if (text_[place_] != '\r' && text_[place_] != '\n') quoted += text_[place_];
            ++place_;
        }
        if (!take('"')) return std::nullopt;
        return quoted;
    }

 private:
    std::string_view text_;
    std::size_t place_ = 0;
};

}  // namespace

const std::string* FieldWithParameters::find(std::string_view name) const {
    const auto found = std::ranges::find(parameters, name, &std::pair<std::string, std::string>::first);
    return found == parameters.end() ? nullptr : &found->second;
}

std::optional<FieldWithParameters> parse_field_with_parameters(std::string_view field_value) {
    FieldReader reader(field_value);
    FieldWithParameters field;
    if (!reader.skip()) return std::nullopt;
    field.value = to_lower(reader.token());
    if (field.value.empty() || !reader.skip()) return std::nullopt;
    while (!reader.at_end()) {
        if (!reader.take(';') || !reader.skip()) return std::nullopt;
        if (reader.at_end()) break;  // a semicolon too many
        std::string name = to_lower(reader.token());
        if (name.empty() || !reader.skip() || !reader.take('=') || !reader.skip()) return std::nullopt;
        auto value = reader.value();
        if (!value || field.find(name) != nullptr || field.parameters.size() == parameter_limit || !reader.skip())
            return std::nullopt;
        field.parameters.emplace_back(std::move(name), *std::move(value));
    }
    return field;
}

}  // namespace relevo::tracking

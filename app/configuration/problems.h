// Everything that is wrong with a configuration, collected so that a person corrects it in one go.
#pragma once

#include "app/configuration/document.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::configuration {

class Problems {
 public:
    explicit Problems(std::string_view file_name) : file_name_(file_name) {}

    // `text`: problem, colon, what to change.
    void add(Place place, std::string_view text);
    // For a setting by its path, "listener[0].address"; its section's place if the file does not mention it.
    void add(std::string_view path, std::string_view text);
    // Whole lines about another file, which a setting names.
    void add_lines(std::string_view path, std::string_view lines);
    void add_environment(std::string_view variable, std::string_view text);
    // Remembers where a setting or section stands.
    void remember(std::string path, Place place) { places_.insert_or_assign(std::move(path), place); }
    // "relevo.toml:12", for `config show`.
    [[nodiscard]] std::string origin(Place place) const;

    [[nodiscard]] bool empty() const { return lines_.empty(); }
    // One a line, in the order of the file.
    [[nodiscard]] std::string text() const;

 private:
    struct Line {
        Place place;
        std::string text;
    };
    [[nodiscard]] Place place_of(std::string_view path) const;
    std::string file_name_;
    std::vector<Line> lines_;
    std::map<std::string, Place, std::less<>> places_;
};

}  // namespace relevo::configuration

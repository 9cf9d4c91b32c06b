// Writes one flat or nested JSON object into a string; reading JSON is Boost.JSON's work.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace relevo {

// Appends `text` as a JSON string. Octets that are not UTF-8 come out as U+FFFD, so the result is always valid JSON
// (RFC 8259 §8.1).
void append_json_string(std::string& json, std::string_view text);

//     JsonWriter json;
//     json.field("host", name).field("port", 25);
//     std::string text = json.finish();       {"host":"mx.example","port":25}
class JsonWriter {
 public:
    JsonWriter() {
        json_.reserve(usual_octets);
        json_ += '{';
    }
    JsonWriter& field(std::string_view name, std::string_view value);
    JsonWriter& field(std::string_view name, const char* value) { return field(name, std::string_view(value)); }
    template <std::integral T>
    JsonWriter& field(std::string_view name, T value) {
        if constexpr (std::same_as<T, bool>)
            return raw(name, value ? "true" : "false");
        else
            return raw(name, std::to_string(value));
    }
    // `value` is JSON already.
    JsonWriter& raw(std::string_view name, std::string_view value);
    // A field only if `value` is not empty.
    JsonWriter& optional(std::string_view name, std::string_view value) {
        return value.empty() ? *this : field(name, value);
    }
    [[nodiscard]] std::string finish() { return std::move(json_.append("}")); }

 private:
    static constexpr std::size_t usual_octets = 512;
    void name(std::string_view name);
    std::string json_;
};

}  // namespace relevo

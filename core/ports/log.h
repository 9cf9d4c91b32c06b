// Where the relay tells what happened: one event, its fields, no prose. Implemented by adapters/telemetry and, for
// tests, adapters/memory.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace relevo {

enum class Level : std::uint8_t {
    debug,    // dropped first when the writer cannot keep up
    info,     // what a person who looks for one message wants to see
    warning,  // somebody should look, the relay goes on
    error,    // something of ours does not work
};

// A named value of a log line. Both are borrowed for the call; octets of any kind are allowed: the writer escapes.
// Never a secret: no password, token or key material (security E12).
struct Field {
    using Value = std::variant<std::string_view, std::int64_t, double, bool>;

    Field(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
    Field(std::string_view field_name, const std::string& text) : name(field_name), value(std::string_view(text)) {}
    Field(std::string_view field_name, const char* text) : name(field_name), value(std::string_view(text)) {}
    Field(std::string_view field_name, bool flag) : name(field_name), value(flag) {}
    Field(std::string_view field_name, double number) : name(field_name), value(number) {}
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    Field(std::string_view field_name, T number) : name(field_name), value(static_cast<std::int64_t>(number)) {}

    std::string_view name;
    Value value;
};

// Threads: any. Never blocks and never fails.
class Log {
 public:
    virtual ~Log() = default;
    // False: write() would drop it; ask before putting costly fields together.
    [[nodiscard]] virtual bool enabled(Level level) const = 0;
    // `event` is a stable word, area and what happened: "smtp.accepted", "tls.reload_failed". Programs search for it.
    virtual void write(Level level, std::string_view event, std::initializer_list<Field> fields) = 0;

    void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
        if (enabled(Level::debug)) write(Level::debug, event, fields);
    }
    void info(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::info, event, fields); }
    void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
        write(Level::warning, event, fields);
    }
    void error(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::error, event, fields); }
};

}  // namespace relevo

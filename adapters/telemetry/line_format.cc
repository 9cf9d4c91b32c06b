#include "adapters/telemetry/line_format.h"

#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace relevo::telemetry {
namespace {

constexpr std::size_t value_limit_octets = 500;

bool is_plain(std::string_view text) { return text.size() <= value_limit_octets && is_plain_ascii(text); }

void append_string(std::string& out, std::string_view text) {
    if (!is_plain(text)) {
        append_json_string(out, printable(text, value_limit_octets));
        return;
    }
    out += '"';
    out += text;
    out += '"';
}

void append_time(std::string& out, std::chrono::system_clock::time_point now) {
    using namespace std::chrono;
    const auto day = floor<days>(now);
    const year_month_day date(day);
    const hh_mm_ss time(floor<microseconds>(now - day));
    // Twice a message: fmt would take ten times as long.
    const auto add = [&out](auto value, unsigned digits, char behind) {
        append_digits(out, static_cast<unsigned>(value), digits);
        out += behind;
    };
    add(static_cast<int>(date.year()), 4, '-');
    add(static_cast<unsigned>(date.month()), 2, '-');
    add(static_cast<unsigned>(date.day()), 2, 'T');
    add(time.hours().count(), 2, ':');
    add(time.minutes().count(), 2, ':');
    add(time.seconds().count(), 2, '.');
    add(time.subseconds().count(), 6, 'Z');
}

struct AppendValue {
    std::string& out;
    void operator()(std::string_view text) const { append_string(out, text); }
    void operator()(std::int64_t number) const { fmt::format_to(std::back_inserter(out), "{}", number); }
    void operator()(bool flag) const { out += flag ? "true" : "false"; }
    void operator()(double number) const {
        // JSON has no word for infinity.
        if (std::isfinite(number))
            fmt::format_to(std::back_inserter(out), "{}", number);
        else
            out += "null";
    }
};

}  // namespace

std::string_view name_of(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warning: return "warning";
        case Level::error: break;
    }
    return "error";
}

namespace {

void append_json(std::string& out, std::chrono::system_clock::time_point now, Level level, std::string_view event,
                 std::initializer_list<Field> fields) {
    out += "{\"time\":\"";
    append_time(out, now);
    out += "\",\"level\":\"";
    out += name_of(level);
    out += "\",\"event\":";
    append_string(out, event);
    for (const Field& field : fields) {
        out += ',';
        append_string(out, field.name);
        out += ':';
        std::visit(AppendValue{out}, field.value);
    }
    out += "}\n";
}

// Values are quoted and escaped as in JSON, so a line stays one line here too.
void append_text(std::string& out, std::chrono::system_clock::time_point now, Level level, std::string_view event,
                 std::initializer_list<Field> fields) {
    append_time(out, now);
    out += ' ';
    out += name_of(level);
    out += ' ';
    out += event;
    for (const Field& field : fields) {
        out += ' ';
        out += field.name;
        out += '=';
        std::visit(AppendValue{out}, field.value);
    }
    out += '\n';
}

}  // namespace

void append_line(std::string& out, LineFormat format, std::chrono::system_clock::time_point now, Level level,
                 std::string_view event, std::initializer_list<Field> fields) {
    format == LineFormat::json ? append_json(out, now, level, event, fields)
                               : append_text(out, now, level, event, fields);
}

}  // namespace relevo::telemetry

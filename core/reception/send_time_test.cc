#include "core/reception/send_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using std::chrono::sys_days;

std::string read(std::string_view text) {
    const auto time = parse_send_time(text);
    return time.has_value() ? send_time_text(*time) : std::string(name_of(time.error().kind));
}

TEST(SendTime, IsRfc3339OrSecondsSince1970) {  // RFC 3339 §5.6, §5.7
    struct Case {
        std::string_view text, meaning;
    };
    for (const Case& one : {Case{"2026-11-27T10:00:00Z", "2026-11-27T10:00:00Z"},
                            {" 2026-11-27t10:00:00z ", "2026-11-27T10:00:00Z"},
                            {"2026-11-27 10:00:00Z", "2026-11-27T10:00:00Z"},
                            {"2026-11-27T10:00:00.123456Z", "2026-11-27T10:00:00Z"},
                            {"2026-11-27T10:00:00+05:30", "2026-11-27T04:30:00Z"},
                            {"2026-11-27T00:00:00-08:00", "2026-11-27T08:00:00Z"},
                            {"2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"},
                            {"2026-12-31T23:59:60Z", "2026-12-31T23:59:59Z"},
                            {"1795773600", "2026-11-27T10:00:00Z"},
                            {"0", "1970-01-01T00:00:00Z"}})
        EXPECT_EQ(read(one.text), one.meaning) << one.text;
}

TEST(SendTime, WhatCouldMeanSeveralTimesMeansNone) {
    for (const std::string_view text :
         {"", "tomorrow", "2026-11-27", "2026-11-27T10:00:00", "2026-11-27T10:00Z", "2026-02-30T10:00:00Z",
          "2026-13-01T10:00:00Z", "2026-11-27T24:00:00Z", "2026-11-27T10:60:00Z", "2026-11-27T10:00:00.Z",
          "2026-11-27T10:00:00+0100", "2026-11-27T10:00:00+24:00", "2026-11-27T10:00:00ZZ", "-5", "1795773600000",
          "1e9", "99999999999999999999", "2300-01-01T00:00:00Z", "1969-12-31T23:59:59Z"})
        EXPECT_EQ(read(text), "invalid") << text;
}

TEST(SendTime, IsReadFromTheFieldOfSendgrid) {
    const auto of = [](const std::string& value) -> std::string {
        const auto time = send_time_of_smtpapi(mail::Field{.name = "x-smtpapi", .value = value, .raw = {}});
        if (!time.has_value()) return std::string(name_of(time.error().kind));
        return *time ? send_time_text(**time) : std::string("none");
    };
    EXPECT_EQ(of(R"({"send_at":1795773600,"category":"x"})"), "2026-11-27T10:00:00Z");
    EXPECT_EQ(of(R"({"category":"x"})"), "none");
    for (const std::string value : {R"({"send_at":"1795773600"})", R"({"send_at":-1})", R"({"send_at":1.5})",
                                    R"({"send_at":18446744073709551615})", "{"})
        EXPECT_EQ(of(value), "invalid") << value;
}

}  // namespace
}  // namespace relevo

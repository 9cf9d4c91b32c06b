#include "lib/csv/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> cells(std::string_view line) {
    auto row = CsvReader(line).next();
    EXPECT_TRUE(row && row->cells.has_value()) << line;
    return row && row->cells.has_value() ? *row->cells : std::vector<std::string>();
}

std::string problem(std::string_view line, CsvBounds bounds = {}) {
    const auto row = CsvReader(line, bounds).next();
    EXPECT_TRUE(row && !row->cells.has_value()) << line;
    return row && !row->cells.has_value() ? row->cells.error().detail : std::string();
}

TEST(CsvReader, ReadsCellsAsProgramsWriteThem) {  // RFC 4180 §2
    EXPECT_THAT(cells("a,b,c"), ElementsAre("a", "b", "c"));
    EXPECT_THAT(cells("a;b;\r\n"), ElementsAre("a", "b", ""));
    EXPECT_THAT(cells("a\tb"), ElementsAre("a", "b"));
    EXPECT_THAT(cells("\xEF\xBB\xBF\"say \"\"no\"\"\", b ,\"x;y\""), ElementsAre("say \"no\"", "b", "x;y"));
    EXPECT_THAT(cells("one"), ElementsAre("one"));
    EXPECT_THAT(cells("\"a;b\",c"), ElementsAre("a;b", "c"));
}

TEST(CsvReader, NamesABrokenLineAndReadsTheRest) {
    CsvReader reader("a,b\n\n\"broken,b\nc,d\n");
    EXPECT_EQ(reader.next()->line, 1U);
    const auto broken = reader.next();
    EXPECT_EQ(broken->line, 3U);
    EXPECT_FALSE(broken->cells.has_value());
    const auto rest = reader.next();
    EXPECT_EQ(rest->line, 4U);
    EXPECT_THAT(rest->cells.value(), ElementsAre("c", "d"));
    EXPECT_FALSE(reader.next());
}

TEST(CsvReader, SaysWhatIsWrong) {
    EXPECT_THAT(problem("\"a\"b,c"), HasSubstr("closing quote"));
    EXPECT_THAT(problem("\"a"), HasSubstr("not closed"));
    EXPECT_THAT(problem("a,b,c", {.cells = 2}), HasSubstr("more than 2 cells"));
    EXPECT_THAT(problem("aaaa", {.line = 3}), HasSubstr("longer than 3"));
}

TEST(WriteCsvRow, LetsNoCellBeginAFormula) {  // security row E8
    for (const std::string start : {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}) {
        const std::vector<std::string> cells{start + "1+1|cmd", "x" + start};
        const std::string row = write_csv_row(cells);
        const auto first = row.front() == '"' ? row[1] : row[0];
        EXPECT_EQ(first, '\'') << row;
        EXPECT_EQ(row.find('\n'), row.size() - 1);
    }
}

TEST(WriteCsvRow, IsReadAgainAsItWas) {
    const std::vector<std::string> written{"=a@b.example", "say \"no\", or; not", " x ", "", "'quoted'", "plain"};
    EXPECT_EQ(cells(write_csv_row(written)), written);
}

TEST(Csv, ACellThatBeginsWithAByteOrderMarkKeepsIt) {
    const std::vector<std::string> cells{
        "\xEF\xBB\xBF"
        "a",
        "b"};
    const std::string row = write_csv_row(cells);
    EXPECT_EQ(CsvReader(row, {.cells = 2, .line = 100}).next()->cells.value(), cells);
}

}  // namespace
}  // namespace relevo

#include "lib/authreports/compression.h"

#include "lib/authreports/report_extraction.h"
#include "lib/base/base64.h"

#include <gtest/gtest.h>

#include <archive.h>
#include <archive_entry.h>

namespace relevo::authreports {
namespace {

struct Entry {
    std::string name;
    std::string content;
};

std::string zip(const std::vector<Entry>& entries) {
    std::string packed(4 * mebibyte, '\0');
    std::size_t used = 0;
    archive* writer = archive_write_new();
    archive_write_set_format_zip(writer);
    archive_write_open_memory(writer, packed.data(), packed.size(), &used);
    for (const Entry& one : entries) {
        archive_entry* entry = archive_entry_new();
        archive_entry_set_pathname(entry, one.name.c_str());
        archive_entry_set_size(entry, static_cast<la_int64_t>(one.content.size()));
        archive_entry_set_filetype(entry, one.name.ends_with('/') ? AE_IFDIR : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_write_header(writer, entry);
        (void)archive_write_data(writer, one.content.data(), one.content.size());
        archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
    packed.resize(used);
    return packed;
}

TEST(Compression, GivesBackWhatWasPacked) {
    for (const std::string& text :
         {std::string(), std::string("a"), std::string(200'000, 'x'), std::string("\0\1\2", 3)})
        EXPECT_EQ(unpack(gzip(text)).value(), text);
    EXPECT_EQ(gzip("same"), gzip("same"));
    EXPECT_EQ(unpack("plain text").value(), "plain text");
    EXPECT_EQ(unpack(zip({{"report.xml", "<a/>"}})).value(), "<a/>");
}

TEST(Compression, TakesWhatSendersMakeOfIt) {
    EXPECT_EQ(unpack(gzip("one") + gzip("two")).value(), "onetwo");
    EXPECT_EQ(unpack(gzip("one") + "rubbish").value(), "one");
    EXPECT_EQ(unpack(zip({{"folder/", ""}, {"folder/empty", ""}, {"folder/report.xml", "<a/>"}})).value(), "<a/>");
    EXPECT_EQ(unpack(zip({{"report.xml.gz", gzip("<a/>")}})).value(), "<a/>");
}

TEST(Compression, RefusesWhatIsBroken) {
    const std::string packed = gzip(std::string(10'000, 'x'));
    EXPECT_EQ(unpack(packed.substr(0, packed.size() - 4)).error().kind, ErrorKind::invalid);
    EXPECT_EQ(unpack(packed.substr(0, 5)).error().kind, ErrorKind::invalid);
    EXPECT_EQ(unpack("\x1F\x8B rubbish").error().kind, ErrorKind::invalid);
    EXPECT_EQ(unpack("PK\x03\x04 rubbish").error().kind, ErrorKind::invalid);
    EXPECT_EQ(unpack(zip({{"empty", ""}})).error().kind, ErrorKind::invalid);
}

TEST(Compression, StopsAtItsBounds) {  // security row C8
    const std::string bomb = gzip(std::string(50 * mebibyte, '\0'));
    EXPECT_LT(bomb.size(), 100'000U);
    EXPECT_EQ(unpack(bomb).error().kind, ErrorKind::limit);  // ratio
    EXPECT_EQ(unpack(bomb, {.out = mebibyte, .ratio = 100'000}).error().kind, ErrorKind::limit);
    EXPECT_EQ(unpack(zip({{"bomb.xml", std::string(50 * mebibyte, ' ')}})).error().kind, ErrorKind::limit);
    EXPECT_EQ(unpack(std::string(11 * mebibyte, 'x')).error().kind, ErrorKind::limit);
    // A file that unpacks to itself again and again, in its harmless form.
    EXPECT_EQ(unpack(gzip(gzip(gzip("deep")))).error().kind, ErrorKind::limit);
    EXPECT_EQ(unpack(gzip(gzip("two"))).value(), "two");
}

TEST(Compression, LetsABombGoNoFurtherThanAMail) {  // security row C8
    const std::string mail =
        "From: <a@b.example>\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n" +
        encode_base64(gzip(std::string(50 * mebibyte, '<'))) + "\r\n";
    const auto extracted = extract_reports(mail);
    ASSERT_TRUE(extracted.has_value());
    EXPECT_TRUE(extracted->reports.empty());
    ASSERT_EQ(extracted->problems.size(), 1U);
    EXPECT_NE(extracted->problems[0].find("unpacks to more"), std::string::npos);
}

}  // namespace
}  // namespace relevo::authreports

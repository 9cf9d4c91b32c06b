#include "app/backup/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::backup {
namespace {

using testing::HasSubstr;

Manifest sample() {
    Manifest manifest;
    manifest.made_at = decltype(manifest.made_at)(std::chrono::milliseconds(1'790'000'000'123));
    manifest.version = "0.1.0";
    manifest.host_name = "mail.example.com";
    manifest.data_dir = "/var/lib/relevo";
    manifest.messages = 2;
    manifest.recipients = 3;
    manifest.files = {{.name = "relevo.db",
                       .place = Place::store,
                       .size = 65'536 + 100,
                       .block_octets = 65'536,
                       .changed = 1'790'000'000'000'000'000,
                       .inode = 7,
                       .blocks = {{.pack = 1, .offset = 0, .length = 65'536, .hash = hash_of("a")},
                                  {.pack = 2, .offset = 4096, .length = 100, .hash = hash_of("b")}}},
                      {.name = "/etc/relevo/relevo.toml",
                       .place = Place::configuration,
                       .size = 0,
                       .block_octets = longest_block_octets,
                       .changed = 0,
                       .inode = 9,
                       .blocks = {}}};
    return manifest;
}

TEST(Manifest, IsReadAsItWasWritten) {
    const auto read = parse_manifest(text_of(sample()));
    ASSERT_TRUE(read.has_value()) << read.error().detail;
    EXPECT_EQ(*read, sample());
}

// security row R16
TEST(Manifest, NoticesEveryChangedOctetAndEveryCut) {
    const std::string whole = text_of(sample());
    for (std::size_t place = 0; place < whole.size(); ++place) {
        std::string changed = whole;
        changed[place] = static_cast<char>(changed[place] ^ 1);
        EXPECT_FALSE(parse_manifest(changed).has_value()) << place;
        EXPECT_FALSE(parse_manifest(std::string_view(whole).substr(0, place)).has_value()) << place;
    }
}

TEST(Manifest, RefusesNamesThatLeadElsewhere) {
    for (const char* name : {"", ".", "..", "lock", "a/b", "../relevo.db", "a\nb"}) {
        Manifest manifest = sample();
        manifest.files[0].name = name;
        EXPECT_FALSE(parse_manifest(text_of(manifest)).has_value()) << name;
    }
    for (const char* name : {"relative", "/etc/../root", "/..", "/etc/relevo/", "/"}) {
        Manifest manifest = sample();
        manifest.files[1].name = name;
        EXPECT_FALSE(parse_manifest(text_of(manifest)).has_value()) << name;
    }
}

TEST(Manifest, RefusesSizesThatDisagree) {
    Manifest manifest = sample();
    manifest.files[0].size += 1;
    EXPECT_FALSE(parse_manifest(text_of(manifest)).has_value());
    manifest = sample();
    std::swap(manifest.files[0].blocks[0], manifest.files[0].blocks[1]);
    EXPECT_FALSE(parse_manifest(text_of(manifest)).has_value()) << "a short block before the last one";
    manifest = sample();
    manifest.files[0].blocks[0].length = 0;
    EXPECT_FALSE(parse_manifest(text_of(manifest)).has_value());
}

// security row R15
TEST(Manifest, NamesANewerFormat) {
    std::string text = text_of(sample());
    text = text.substr(0, text.find('\n') + 1);
    text.replace(text.find("\"version\":1"), 11, "\"version\":2");
    std::string hash;
    for (const unsigned char octet : hash_of(text)) hash += fmt::format("{:02x}", octet);
    const auto refused = parse_manifest(text + "blake2b " + hash + "\n");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(refused.error().detail, HasSubstr("newer Relevo"));
}

}  // namespace
}  // namespace relevo::backup

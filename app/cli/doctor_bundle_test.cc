#include "app/cli/doctor_bundle.h"

#include <gtest/gtest.h>

namespace relevo::cli {
namespace {

// security row E12
TEST(DoctorBundle, StrikesOutSecretsWhereverTheyStand) {
    EXPECT_EQ(without_secrets("a hunter2-hunter2 b", {"hunter2", ""}), "a [secret]-[secret] b");
    EXPECT_EQ(without_secrets("[secret]", {"secret"}), "[[secret]]") << "what it puts in is not looked at again";
}

TEST(DoctorBundle, LeavesOfAnAddressItsDomain) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"from=<bob.o'neil+x@example.com>", "from=<…@example.com>"},
        {"\"josé@bücher.example\"", "\"…@bücher.example\""},
        {"a@b@example.com", "…@…@example.com"},
        {"12345@192.example", "…@192.example"},
        {"servers = [\"192.0.2.53@5353\"]", "servers = [\"192.0.2.53@5353\"]"},
        {"@ @alone", "@ @alone"},
        {"<\"quoted part\"@example.com>", "<…@example.com>"},
        {R"("from":"\"quoted part\"@example.com")", R"("from":"…@example.com")"},
    };
    for (const auto& [text, expected] : cases) EXPECT_EQ(without_secrets(text, {}), expected);
}

}  // namespace
}  // namespace relevo::cli

#include "core/tracking/token.h"

#include "core/tracking/tracking_fixture.h"

namespace relevo::test {
namespace {

const TrackingToken click{.tenant = TenantId{9},
                          .message = MessageId{0x0123'4567'89AB'CDEF},
                          .ordinal = whole_message,
                          .link = 399,
                          .target = TrackedLinkId{0x7EDC'BA98'7654'3210}};
const TrackingToken open{.tenant = TenantId{9}, .message = MessageId{5}, .ordinal = 0, .target = {}};

TEST(TrackingToken, ComesBackAsItWasMade) {
    const auto keys = some_keys();
    const std::string text = make_tracking_token(*keys, TrackedKind::click, click);
    EXPECT_EQ(text.size(), 47U);
    EXPECT_EQ(read_tracking_token(*keys, TrackedKind::click, text), click);
    const std::string image = make_tracking_token(*keys, TrackedKind::open, open);
    EXPECT_EQ(image.size(), 34U);
    EXPECT_EQ(read_tracking_token(*keys, TrackedKind::open, image), open);
    EXPECT_EQ(make_tracking_token(*TokenKeys::of({}), TrackedKind::open, open), "");
}

// security row E6: change each character of a token, to each other one.
TEST(TrackingToken, IsNoneWithAnythingChanged) {
    const auto keys = some_keys();
    for (const auto& [kind, token] : {std::pair{TrackedKind::click, click}, std::pair{TrackedKind::open, open}}) {
        const std::string text = make_tracking_token(*keys, kind, token);
        for (std::size_t place = 0; place < text.size(); ++place)
            for (int c = 0; c < 256; ++c) {
                std::string changed = text;
                changed[place] = static_cast<char>(c);
                if (changed != text) ASSERT_EQ(read_tracking_token(*keys, kind, changed), std::nullopt) << changed;
            }
        for (const std::string& wrong : {std::string(), text.substr(1), text + "A", text + "=", "A" + text})
            EXPECT_EQ(read_tracking_token(*keys, kind, wrong), std::nullopt);
        const TrackedKind another = kind == TrackedKind::open ? TrackedKind::click : TrackedKind::open;
        EXPECT_EQ(read_tracking_token(*keys, another, text), std::nullopt);
        EXPECT_EQ(read_tracking_token(*some_keys(8), kind, text), std::nullopt);
        EXPECT_EQ(read_tracking_token(*some_keys(7, 1), kind, text), std::nullopt);
    }
}

}  // namespace
}  // namespace relevo::test

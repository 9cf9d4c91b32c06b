// Fuzz target: mail that comes back, in any shape.
#include "lib/bounces/bounce_mail.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::bounces;
    static const PatternTable table = PatternTable::built_in();
    BounceMailBounds bounds;
    bounds.recipients = 20;
    const auto mail = read_bounce_mail({reinterpret_cast<const char*>(data), size}, table, bounds);
    if (!mail) {
        if (mail.error().detail.empty()) std::abort();
        return 0;
    }
    if (mail->recipients.size() > bounds.recipients) std::abort();
    if ((mail->kind == BounceMailKind::other) != mail->recipients.empty()) std::abort();
    for (const BouncedRecipient& recipient : mail->recipients) {
        // Written out, an octet takes four.
        if (recipient.reason.size() > 4'000) std::abort();
        if (recipient.reason.find('\n') != std::string::npos) std::abort();
    }
    return 0;
}

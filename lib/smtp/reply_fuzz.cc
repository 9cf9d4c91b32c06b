// The reply parser: what it reads it writes back as the same reply, within its bounds (F2).
#include "lib/smtp/reply.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

bool is_printable(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return (octet < 0x20 && c != '\t' && c != '\n') || octet == 0x7F;
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::smtp;
    const std::string_view wire(reinterpret_cast<const char*>(data), size);
    const auto reply = parse_reply(wire);
    if (!reply.has_value()) return 0;
    check(reply->code >= 200 && reply->code <= 599);
    check(reply->text.size() <= size && is_printable(reply->text));
    check(reply->one_line().find('\n') == std::string::npos);
    if (reply->status) check(reply->status->category == reply->code / 100);

    std::string written;
    append_wire(written, *reply);
    check(is_printable(reply->one_line()));
    for (std::size_t at = 0; at < written.size();) {
        const std::size_t end = written.find("\r\n", at);
        check(end != std::string::npos && end - at <= 510);
        at = end + 2;
    }
    const auto again = parse_reply(written);
    if (!again.has_value()) {
        // Long lines were broken into more than a hundred.
        check(std::ranges::count(written, '\n') > 100);
        return 0;
    }
    check(again->code == reply->code);
    check(again->status == reply->status);
    return 0;
}

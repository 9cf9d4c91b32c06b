// What kind of mail a message is to its sender: decides its turn, its sources and what is added to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace relevo::mail {

enum class MessageStream : std::uint8_t {
    transactional,  // one person waits for it: receipts, passwords, alarms
    bulk,           // the same to many: newsletters, campaigns; goes after transactional mail
};
[[nodiscard]] constexpr std::string_view name_of(MessageStream stream) {
    return stream == MessageStream::bulk ? "bulk" : "transactional";
}
[[nodiscard]] constexpr std::optional<MessageStream> parse_message_stream(std::string_view text) {
    if (text == "transactional") return MessageStream::transactional;
    if (text == "bulk") return MessageStream::bulk;
    return std::nullopt;
}

}  // namespace relevo::mail

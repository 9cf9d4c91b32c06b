// Replies and explanations from the table.
#include "core/policy/replies.h"
#include "lib/base/text.h"

#include <algorithm>

namespace relevo {
namespace {
constexpr std::size_t value_limit_octets = 160;
}

smtp::Reply make_reply(ReplyKey key, std::initializer_list<ReplyValue> values) {
    const ReplyEntry& entry = reply_entry(key);
    smtp::Reply reply{.code = entry.code, .status = entry.status, .text = {}};
    std::string_view rest = entry.text;
    // One pass over the text of the table, so that braces inside a value stay what they are.
    for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
        const auto close = rest.find('}', open);
        reply.text += rest.substr(0, open);
        const auto name = rest.substr(open + 1, close - open - 1);
        const auto* value = std::ranges::find(values, name, &ReplyValue::first);
        if (value != values.end()) reply.text += printable(value->second, value_limit_octets);
        rest.remove_prefix(close + 1);
    }
    reply.text += rest;
    return reply;
}

std::string_view explain(ReplyKey key, mail::Language language) {
    const ReplyEntry& entry = reply_entry(key);
    return language == mail::Language::spanish ? entry.spanish : entry.english;
}

}  // namespace relevo

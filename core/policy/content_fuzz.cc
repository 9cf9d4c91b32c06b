// Fuzz target: whatever the content, an accepted one names exactly one author line, as a naive reader of CRLF lines
// counts them too; a field of another tenant's author anywhere in the header turns it into a refused one; and no
// refusal breaks its reply.
#include "core/policy/policy_fixture.h"
#include "core/policy/sending.h"
#include "lib/base/text.h"

#include <cstdlib>

namespace {

using relevo::Directory;

void require(bool holds) {
    if (!holds) std::abort();
}

bool is_accepted(const Directory& directory, std::string_view content) {
    const auto header = relevo::mail::Header::parse(content);
    if (!header.has_value()) return false;  // reception refuses it before it asks
    const auto decision = relevo::judge_content(directory, relevo::test::crm, *header, content);
    std::string wire;
    relevo::smtp::append_wire(wire, decision.reply);
    const auto parsed = relevo::smtp::parse_reply(wire);
    require(parsed.has_value() && parsed->code == decision.reply.code && parsed->status == decision.reply.status);
    return decision.is_accepted();
}

// The lines of the header, by another way than the parser's.
std::size_t count_from_lines(std::string_view content) {
    std::size_t count = 0;
    while (!content.empty() && !content.starts_with("\r\n")) {
        const std::string_view line = content.substr(0, content.find('\n'));
        const std::string_view name = line.substr(0, line.find(':'));
        if (line.front() != ' ' && line.front() != '\t' && line.contains(':') &&
            relevo::equals_ignoring_case(relevo::trimmed(name), "from"))
            ++count;
        content.remove_prefix(std::min(content.size(), line.size() + 1));
    }
    return count;
}

const Directory& directory() {
    static const auto instance = relevo::test::directory();
    return *instance;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string content(reinterpret_cast<const char*>(data), size);
    const bool accepted = is_accepted(directory(), content);
    if (accepted) require(count_from_lines(content) == 1);
    for (const std::string_view field : {"From: x@example.org\r\n", "Sender: x@example.org\r\n",
                                         "rEsent-fRom : \"x@example.com\" <x@example.org>\r\n"})
        require(!is_accepted(directory(), std::string(field) + content));
    // What follows the header changes nothing.
    if (accepted && content.contains("\r\n\r\n") && !content.starts_with("\r\n"))
        require(is_accepted(directory(), content + "\r\nFrom: x@example.org\r\n\r\n"));
    return 0;
}

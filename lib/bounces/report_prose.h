// What a server tells people about mail that came back, when there is nothing better: which addresses it speaks of, and
// what it says of each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relevo::bounces {

struct SplitProse {
    std::string_view report;    // what the server wrote
    std::string_view returned;  // the message it speaks of, header fields first; empty if it is not there
};

// Many servers quote the message behind a line such as "Below this line is a copy of the message", or just put it
// there: it is known by a run of header fields.
[[nodiscard]] SplitProse split_returned(std::string_view text);

struct Mention {
    std::string address;   // as written
    std::size_t line = 0;  // from 0
    bool leads = false;    // it begins its line, perhaps behind "<", "RCPT TO:" or a reply code
};

// Addresses in the order of the text; each once, a leading mention preferred.
[[nodiscard]] std::vector<Mention> addresses_in(std::string_view report, std::size_t limit);

// From the line of the mention to the next line that leads with another address.
[[nodiscard]] std::string section_of(std::string_view report, const Mention& mention,
                                     const std::vector<Mention>& mentions);

}  // namespace relevo::bounces

// One finding of a check, as data: the command line, the console, the log and the metrics show the same.
#pragma once

#include "core/setup/words.h"
#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::setup {

enum class CheckStatus : std::uint8_t {
    ok,
    warn,     // works, but somebody should look
    fail,     // keeps mail from being sent or accepted
    skipped,  // could not be checked; `found` says why
};
[[nodiscard]] std::string_view name_of(CheckStatus status);

enum class CheckGroup : std::uint8_t {
    machine,   // disk, descriptors, clock
    names,     // host name, PTR, HELO
    ports,     // in and out
    tls,       // certificates
    dns,       // resolver
    relaying,  // open relay
    blocklists,
    domain,  // records of one domain
};
[[nodiscard]] std::string_view name_of(CheckGroup group);
[[nodiscard]] Words title_of(CheckGroup group);

// What a check looks at, by its id: "SPF record".
[[nodiscard]] Words title_of_check(std::string_view id);

struct CheckItem {
    std::string id;  // "dkim.record": stable, what the check is
    CheckGroup group = CheckGroup::domain;
    std::string subject;  // what was looked at: a name, an address, a list; "" if there is one alone
    CheckStatus status = CheckStatus::ok;
    Words found;           // what was seen, or why it could not be looked at
    std::string expected;  // what should stand there; "" if that is no one text
    Words why;             // why it matters
    Words action;          // what to do; empty if all is well

    [[nodiscard]] std::string key() const { return subject.empty() ? id : id + " " + subject; }
};

// All is well until somebody says otherwise.
[[nodiscard]] CheckItem make_item(std::string id, CheckGroup group, std::string subject, Words why);

// Skipped, since the DNS did not answer.
[[nodiscard]] CheckItem unanswered_item(std::string id, std::string subject, const Error& error);

[[nodiscard]] std::size_t count_of(const std::vector<CheckItem>& items, CheckStatus status);

}  // namespace relevo::setup

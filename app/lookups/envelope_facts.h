// What a stored message tells of how it came: the client and the envelope sender, for checks that need them.
#pragma once

#include "lib/dns/record.h"
#include "lib/mail/message.h"
#include "lib/mail/report.h"

#include <optional>
#include <string>
#include <vector>

namespace relevo::lookups {

struct EnvelopeFacts {
    std::optional<dns::IpAddress> client;
    std::optional<std::string> helo;  // "" is never known
    std::optional<std::string> from;  // without brackets; "": the null reverse-path
    std::vector<std::string> notes;   // where each was taken from, or why it was not: sentences
};

// From the topmost Received field and the only Return-Path, as the receiving server writes them above what strangers
// wrote; only what can be read in one way. The address must be in brackets, the only one before "by", and public: an
// inner hop says nothing about the sender. What `known` holds already stays, and costs no note.
[[nodiscard]] EnvelopeFacts with_facts_of(EnvelopeFacts known, const mail::Header& header, mail::Language language);

}  // namespace relevo::lookups

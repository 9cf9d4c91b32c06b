// What receivers find out about one message: `relevo check auth`, `dkim check`, `arc check`, and `dmarc check` with
// one.
#pragma once

#include "app/lookups/dns_source.h"
#include "app/lookups/envelope_facts.h"
#include "app/lookups/message_file.h"
#include "app/lookups/report.h"
#include "lib/mailauth/explain.h"
#include "lib/mailauth/results.h"

#include <chrono>
#include <vector>

namespace relevo::lookups {

struct MessageParts {
    bool spf = true;  // with iprev, if the client is known
    bool dkim = true;
    bool arc = true;
    bool dmarc = true;  // needs the verdicts of the others
};
// Errors: as mail::Header::parse().
[[nodiscard]] Result<mailauth::MessageVerdicts> check_message(std::string_view content, const mail::Header& header,
                                                              const EnvelopeFacts& facts, MessageParts parts,
                                                              DnsSource& source,
                                                              std::chrono::system_clock::time_point now);

// A whole command on one message. `facts`: what the person said. Errors: limit – the header section is too long.
[[nodiscard]] Result<Report> report_on_message(const MessageFile& file, EnvelopeFacts facts, cli::Lookup lookup,
                                               mail::Language language, DnsSource& source,
                                               std::chrono::system_clock::time_point now);

// Explanations as people read them; sets has_problem if one is a problem or could not be found out.
void append_items(Page& page, Report& report, const std::vector<mailauth::ExplanationItem>& items,
                  mail::Language language);

}  // namespace relevo::lookups

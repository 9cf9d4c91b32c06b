// Verdicts told to a person: what was checked, what was found, what it means, what to change. In English and Spanish.
#pragma once

#include "lib/mail/report.h"
#include "lib/mailauth/results.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailauth {

enum class ExplanationStatus : std::uint8_t {
    good,
    notice,   // nothing is broken, but it could be better
    problem,  // receivers will hold this against the message
    unknown   // could not be found out now
};
[[nodiscard]] std::string_view name_of(ExplanationStatus status);  // "good", …: for programs

struct ExplanationItem {
    ExplanationStatus status = ExplanationStatus::unknown;
    std::string title;                 // "DKIM pass: example.com (s2026)"
    std::string text;                  // sentences, paragraphs joined by '\n'; foreign values printable and bounded
    std::vector<std::string> details;  // "include:_spf.example.net: matches 192.0.2.1", as the checks noted them
};

// In the order in which receivers check: iprev, SPF, DKIM, ARC, and DMARC, which draws the conclusion. What was not
// checked has no item; a message without an ARC chain neither.
[[nodiscard]] std::vector<ExplanationItem> explain(const MessageVerdicts& verdicts, mail::Language language);

}  // namespace relevo::mailauth

// What a delivery status means to somebody who has never heard of one, in both languages.
#pragma once

#include "lib/mail/report.h"

#include <string_view>

namespace relevo::mail {

struct Advice {
    std::string_view reason;   // what happened, one sentence
    std::string_view what_to;  // what the sender can do; may be empty
};

// For a code of RFC 3463 ("5.1.1"); the class digit does not matter. Falls back on the subject, then on a general one.
[[nodiscard]] Advice advice_for(std::string_view status, Language language);

}  // namespace relevo::mail

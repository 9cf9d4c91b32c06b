// What people read about their set-up, in both languages.
#pragma once

#include "lib/mail/report.h"

#include <string>

namespace relevo::setup {

struct Words {
    std::string english;
    std::string spanish;

    [[nodiscard]] const std::string& in(mail::Language language) const {
        return language == mail::Language::spanish ? spanish : english;
    }
    [[nodiscard]] bool empty() const { return english.empty(); }
};

// The same text in both: names, numbers, replies of servers.
[[nodiscard]] inline Words same(const std::string& text) { return {text, text}; }

}  // namespace relevo::setup

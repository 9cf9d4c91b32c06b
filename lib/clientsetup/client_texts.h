// What the settings page says about each client: one table, in both languages.
#pragma once

#include "lib/mail/report.h"

#include <span>
#include <string_view>

namespace relevo::clientsetup {

// Places for the offer's values: {host}, {port}, {security} (in words). In `sample` also what differs between TLS,
// STARTTLS and none in that program's language, as settings_page.cc fills it in; braces of its own are doubled.
struct ClientText {
    std::string_view id;  // "outlook": the anchor on the page
    std::string_view english_title, spanish_title;
    std::string_view english, spanish;  // steps, one a line
    std::string_view sample;            // to be pasted; "" for programs with windows
    std::string_view file;              // where the sample goes

    [[nodiscard]] std::string_view title(mail::Language language) const {
        return language == mail::Language::spanish ? spanish_title : english_title;
    }
    [[nodiscard]] std::string_view steps(mail::Language language) const {
        return language == mail::Language::spanish ? spanish : english;
    }
};

[[nodiscard]] std::span<const ClientText> client_texts();

}  // namespace relevo::clientsetup

// The sentences of explain(), in both languages. {names} are filled in from the verdict.
#pragma once

#include "lib/mail/report.h"
#include "lib/mailauth/explain.h"

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace relevo::mailauth {

struct Bilingual {
    std::string_view english;
    std::string_view spanish;
    [[nodiscard]] std::string_view in(mail::Language language) const {
        return language == mail::Language::spanish ? spanish : english;
    }
};

struct ResultText {
    std::string_view method;  // "spf"
    std::string_view result;  // "softfail"; for dmarc "fail" with the policy behind it: "fail-reject"
    ExplanationStatus status;
    Bilingual meaning;
    Bilingual advice;  // both empty if there is nothing to do
};

// What a method looks at. Methods: iprev, spf, helo, dkim, arc, dmarc.
[[nodiscard]] Bilingual method_text(std::string_view method);
// Every result of every method has a text; nullptr for what is none.
[[nodiscard]] const ResultText* result_text(std::string_view method, std::string_view result);
[[nodiscard]] std::span<const ResultText> all_result_texts();

using TextValue = std::pair<std::string_view, std::string_view>;
// `text` with its {names} filled in, printable and cut at 200 octets each.
[[nodiscard]] std::string filled_in(std::string_view text, std::initializer_list<TextValue> values);

}  // namespace relevo::mailauth

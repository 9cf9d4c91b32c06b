// List-Unsubscribe (RFC 2369) and one click (RFC 8058): the fields of a message, and the page behind its link.
#pragma once

#include "core/feedback/intake.h"
#include "core/feedback/return_paths.h"
#include "core/ports/http.h"
#include "lib/mail/message.h"
#include "lib/mail/message_stream.h"
#include "lib/mail/report.h"

#include <string>
#include <string_view>

namespace relevo {

// Whether a message of that stream gets the fields: bulk mail that has none of its own.
[[nodiscard]] bool wants_list_unsubscribe(const mail::Header& header, mail::MessageStream stream);

struct UnsubscribeRequest {
    TenantId tenant;
    MessageId message;
    mail::Address recipient;
    std::string return_domain;  // where mail comes back to; empty: no mailto link
    std::string base_url;       // "https://links.example.com", without a final slash; empty: no web link
};
// With CRLF, to be signed with the rest; empty if there is neither link. List-Unsubscribe-Post goes with the web link.
[[nodiscard]] std::string list_unsubscribe_fields(const TokenKeys& keys, const UnsubscribeRequest& request);

// The path of the link: "/u/TOKEN".
inline constexpr std::string_view unsubscribe_path = "/u/";

// Answers below unsubscribe_path. GET shows a page with a button and changes nothing, since programs follow links; POST
// with "List-Unsubscribe=One-Click" takes the recipient off, as often as it comes (security row E7). Never redirects.
[[nodiscard]] Task<HttpResponse> answer_unsubscribe(FeedbackIntake& intake, const ReturnPaths& paths,
                                                    HttpRequest request);

// Of Accept-Language (RFC 9110 §12.5.4): Spanish if it is asked for before English.
[[nodiscard]] mail::Language preferred_language(std::string_view accept_language);

}  // namespace relevo

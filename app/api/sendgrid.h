// SendGrid's v3 "/mail/send" (docs.sendgrid.com), so that programs move by changing address and key.
#pragma once

#include "app/api/api.h"

namespace relevo::api {

inline constexpr std::string_view sendgrid_path = "/v3/mail/send";

// 202 with X-Message-Id of the first message, or SendGrid's {"errors":[…]}. Each personalization is a message. What we
// have no counterpart for is refused where mail would look otherwise without it (templates, send_at), and passed over
// where it would not.
Task<HttpResponse> send_like_sendgrid(Ports& ports, const Call& call);
// Errors in the form that SendGrid's libraries read.
[[nodiscard]] HttpResponse sendgrid_response_of(const Trouble& trouble);

}  // namespace relevo::api

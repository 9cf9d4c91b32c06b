// Mail that programs submit over HTTP.
#pragma once

#include "app/api/api.h"

namespace relevo::api {

[[nodiscard]] bool is_sending(std::string_view operation);
// 202 with the id when the message is durable: the same promise as 250 over SMTP.
Task<std::expected<HttpResponse, Trouble>> send(Ports& ports, const Call& call);

}  // namespace relevo::api

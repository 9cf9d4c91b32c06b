// The API as it is described to everybody: app/api/openapi.json.
#pragma once

#include "lib/openapi/description.h"

namespace relevo::api {

[[nodiscard]] std::string_view description_text();
// A description that does not load is a bug, which the tests find; the process ends.
[[nodiscard]] const openapi::Description& description();

}  // namespace relevo::api

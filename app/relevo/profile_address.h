// Where the owner of a login gets the profile for a telephone.
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/model.h"

#include <boost/json/object.hpp>

namespace relevo {

// The address of the profile, as text; null if there is none: the login is no address of a domain of its tenant whose
// mailboxes are known, or no web pages are served. `submission` as submission_json() makes it.
[[nodiscard]] Result<boost::json::value> profile_address(Reader& reader, const Credential& credential,
                                                         const boost::json::object& submission);

}  // namespace relevo

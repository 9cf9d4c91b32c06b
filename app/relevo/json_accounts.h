// Users as requests name them, and as answers show them.
#pragma once

#include "core/accounts/users.h"

#include <boost/json/object.hpp>

#include <optional>

namespace relevo {

// The argument "tenant"; nullopt: the whole server. Errors: invalid, not_found.
[[nodiscard]] Result<std::optional<TenantId>> tenant_member(Reader& reader, const boost::json::object& arguments);
// The tenant's name, null for the whole server.
[[nodiscard]] Result<boost::json::value> tenant_json(Reader& reader, std::optional<TenantId> tenant);
// The argument "user": a login or an id. Errors: invalid, not_found.
[[nodiscard]] Result<User> user_member(Reader& reader, const boost::json::object& arguments);
// A user without a password from "login", "name", "language", "role" and "tenant". Errors: invalid, not_found;
// refused – `giver` may not give away so much.
[[nodiscard]] Result<NewUser> new_user_of(Reader& reader, const Principal& giver, const boost::json::object& arguments,
                                          mail::Language default_language);
[[nodiscard]] Result<boost::json::object> json_of(Reader& reader, const User& user);

}  // namespace relevo

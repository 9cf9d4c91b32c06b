// What the requests about tenants, domains and keys share. Internal.
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/model.h"

#include <boost/json/object.hpp>

#include <string>

namespace relevo {

// By name or by id. Errors: not_found.
[[nodiscard]] Result<Tenant> named_tenant(Reader& reader, const std::string& text);
[[nodiscard]] Result<Domain> named_domain(Reader& reader, const std::string& text);
[[nodiscard]] Result<CredentialRow> named_credential(Reader& reader, const std::string& text);
// As docs/control-protocol.md shows it.
[[nodiscard]] Result<boost::json::object> json_of(Reader& reader, const Domain& domain);

// The arguments "plan" ("": none) and "max_domains", "max_credentials" and "max_users" (0: as the plan says). Errors:
// invalid, not_found.
[[nodiscard]] Result<void> apply_plan_members(Transaction& transaction, TenantId tenant,
                                              const boost::json::object& arguments);

}  // namespace relevo

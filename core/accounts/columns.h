// How values of this module lie in columns, beside core/tenancy/columns.h. Internal.
#pragma once

#include "core/accounts/model.h"
#include "core/tenancy/columns.h"
#include "lib/base/text.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::columns {

// 0: the whole server.
inline std::int64_t of(std::optional<TenantId> tenant) { return tenant ? tenant->value : 0; }
inline std::optional<TenantId> tenant(std::int64_t column) {
    return column == 0 ? std::nullopt : std::optional(TenantId{column});
}

inline std::int64_t of(ScopeSet scopes) { return static_cast<std::int64_t>(scopes.bits()); }
inline ScopeSet scopes(std::int64_t column) { return ScopeSet::from_bits(static_cast<std::uint64_t>(column)); }

// What no release has written may do the least.
inline Role role(std::int64_t column) {
    const bool is_known =
        column >= static_cast<std::int64_t>(Role::admin) && column <= static_cast<std::int64_t>(Role::sender);
    return is_known ? static_cast<Role>(column) : Role::analyst;
}

// "192.0.2.0/24 2001:db8::/32"
inline std::string of(const std::vector<dns::Network>& networks) {
    std::string text;
    for (const dns::Network& network : networks) text += (text.empty() ? "" : " ") + network.text();
    return text;
}
inline Result<std::vector<dns::Network>> networks(std::string_view column) {
    std::vector<dns::Network> networks;
    if (column.empty()) return networks;
    for (const std::string_view text : split(column, ' ')) {
        RELEVO_TRY(networks.emplace_back(), dns::Network::parse(text));
    }
    return networks;
}

}  // namespace relevo::columns

// Steps that the administration of all tables shares, here and in the modules above. For core alone.
#pragma once

#include "core/ports/database.h"
#include "lib/base/identifier.h"

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace relevo::statements {

// The next id of `table`; an id is never given twice.
[[nodiscard]] Result<std::int64_t> next_id(Transaction& transaction, std::string_view table);
// True if the query has a row.
[[nodiscard]] Result<bool> exists(Reader& reader, std::string_view sql, std::initializer_list<Value> parameters);
// The integer in the first column of the only row.
[[nodiscard]] Result<std::int64_t> count(Reader& reader, std::string_view sql, std::initializer_list<Value> parameters);
// Errors: not_found with `missing` as its detail, if no row changed.
[[nodiscard]] Result<void> change_one(Transaction& transaction, std::string_view sql,
                                      std::initializer_list<Value> parameters, std::string_view missing);
[[nodiscard]] Result<void> require_tenant(Reader& reader, TenantId tenant);
// A name or label for people. Errors: invalid – over `limit_octets`, not UTF-8, control characters, outer spaces.
[[nodiscard]] Result<void> check_text(std::string_view what, std::string_view text, std::size_t limit_octets);

}  // namespace relevo::statements

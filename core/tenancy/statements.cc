#include "core/tenancy/statements.h"

#include "lib/base/text.h"

#include <algorithm>
#include <string>

namespace relevo::statements {

Result<std::int64_t> next_id(Transaction& transaction, std::string_view table) {
    RELEVO_CHECK(change_one(transaction, "UPDATE tenancy_sequence SET last_id = last_id + 1 WHERE name = $1", {table},
                            "the store lacks a row of tenancy_sequence"));
    return count(transaction, "SELECT last_id FROM tenancy_sequence WHERE name = $1", {table});
}

Result<bool> exists(Reader& reader, std::string_view sql, std::initializer_list<Value> parameters) {
    bool found = false;
    RELEVO_CHECK(reader.query(sql, parameters, [&](const Row&) -> Result<void> {
        found = true;
        return {};
    }));
    return found;
}

Result<std::int64_t> count(Reader& reader, std::string_view sql, std::initializer_list<Value> parameters) {
    std::int64_t number = 0;
    RELEVO_CHECK(reader.query(sql, parameters, [&](const Row& row) -> Result<void> {
        number = row.integer(0);
        return {};
    }));
    return number;
}

Result<void> change_one(Transaction& transaction, std::string_view sql, std::initializer_list<Value> parameters,
                        std::string_view missing) {
    RELEVO_TRY(const std::int64_t changed, transaction.execute(sql, parameters));
    if (changed == 0) return failure(ErrorKind::not_found, std::string(missing));
    return {};
}

Result<void> require_tenant(Reader& reader, TenantId tenant) {
    RELEVO_TRY(const bool found, exists(reader, "SELECT 1 FROM tenant WHERE id = $1", {tenant.value}));
    if (!found) return failure(ErrorKind::not_found, "there is no tenant " + tenant.text());
    return {};
}

Result<void> check_text(std::string_view what, std::string_view text, std::size_t limit_octets) {
    const auto wrong = [&](std::string_view reason) {
        return failure(ErrorKind::invalid,
                       std::string(what) + " \"" + printable(text, 120) + "\" " + std::string(reason));
    };
    if (text.size() > limit_octets) return wrong("is longer than " + std::to_string(limit_octets) + " octets");
    if (!is_utf8(text)) return wrong("is not UTF-8");
    const bool has_control =
        std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (has_control) return wrong("holds a control character; write it on one line");
    if (trimmed(text) != text) return wrong("begins or ends with a space; leave it out");
    return {};
}

}  // namespace relevo::statements

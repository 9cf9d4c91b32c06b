// The words that a recipient's row is found by, as the full-text index takes them. Pure.
#pragma once

#include "core/statistics/labels.h"
#include "lib/base/identifier.h"
#include "lib/mailsearch/query.h"

#include <optional>
#include <string>
#include <string_view>

namespace relevo {

// Each kind of word begins with a sign of its own, so that no word of one is a word of another; what separates words
// for the tokenizer is written as private signs. Addresses in lower case.
[[nodiscard]] std::string search_words(TenantId tenant, std::string_view recipient, std::string_view sender,
                                       const MailLabels& labels);

// What all that are wanted have, as an expression of the index. Empty: the index has nothing to find them by. The rows
// are held against the query again: an expression may find more.
[[nodiscard]] std::string search_expression(const mailsearch::MailQuery& query, std::optional<TenantId> tenant);

}  // namespace relevo

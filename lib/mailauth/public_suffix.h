// The public suffix list: under which names strangers register domains. DMARC itself walks the DNS instead (RFC 9989
// §4.10); this answers where the DNS must not be asked or is not enough: public suffixes are refused as a tenant's
// domain, and reports of receivers that follow RFC 7489 are read as they were meant.
#pragma once

#include "lib/base/result.h"

#include <memory>
#include <string>
#include <string_view>

struct psl_ctx_st;

namespace relevo::mailauth {

// Immutable; copies share the list. Threads: any, many at once.
class PublicSuffixList {
 public:
    // The list that libpsl was built with.
    [[nodiscard]] static PublicSuffixList builtin();
    // A list in the form of publicsuffix.org, read by the caller (a newer one than libpsl's). Errors: invalid – no
    // rules in it. limit – over 16 MiB.
    [[nodiscard]] static Result<PublicSuffixList> parse(std::string_view list);

    // `domain` in lower case, A-labels or U-labels; a name that no rule covers is a suffix if it has one label.
    [[nodiscard]] bool is_public_suffix(std::string_view domain) const;
    // The suffix and one label more (RFC 7489 §3.2); "" if the domain is a public suffix itself, or no domain.
    [[nodiscard]] std::string organizational_domain(std::string_view domain) const;

 private:
    explicit PublicSuffixList(std::shared_ptr<const psl_ctx_st> list) : list_(std::move(list)) {}
    std::shared_ptr<const psl_ctx_st> list_;  // shared: immutable, some 100 KiB
};

}  // namespace relevo::mailauth

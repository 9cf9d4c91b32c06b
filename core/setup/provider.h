// Who runs the DNS of a domain, by the names of its name servers, and how records are typed in there.
#pragma once

#include "core/setup/words.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::setup {

// How a panel wants what the plan says.
enum class TargetForm : std::uint8_t { plain, final_dot };     // of MX and CNAME
enum class TextForm : std::uint8_t { plain, quoted_strings };  // or "…" "…" of at most 255 octets each

struct Provider {
    std::string_view name;
    std::string_view pattern;  // of a name server's name, with the dots that bound it
    bool is_suffix = true;     // false: anywhere in the name, since the provider uses several top-level domains
    TargetForm target = TargetForm::plain;
    TextForm text = TextForm::plain;
};

[[nodiscard]] std::span<const Provider> provider_table();
// nullptr: not one that the table knows, or servers of several.
[[nodiscard]] const Provider* find_provider(const std::vector<std::string>& name_servers);
// What to type where; for an unknown provider (nullptr) the general rules.
[[nodiscard]] std::vector<Words> hints_for(const Provider* provider, std::string_view domain);

// The host as a panel with relative names wants it: "@" for the domain itself. Unchanged if it lies elsewhere.
[[nodiscard]] std::string relative_host(std::string_view name, std::string_view domain);

}  // namespace relevo::setup

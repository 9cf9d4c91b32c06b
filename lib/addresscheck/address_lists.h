// What is known of domains and local parts beforehand, as data: a file of lines that an operator can read, correct and
// replace (docs/formats/address-lists.md). The one that comes with Relevo is address_lists.tsv, compiled in.
#pragma once

#include "lib/base/result.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace relevo::addresscheck {

// The domain that was probably meant.
struct Typo {
    std::string domain;      // A-labels
    bool is_listed = false;  // the list names this very mistake: it counts even if the mistyped domain takes mail
};

// Immutable. Threads: any.
class AddressLists {
 public:
    static constexpr std::size_t limit_octets = 8UL * 1024 * 1024;
    static constexpr std::size_t limit_providers = 2'000;
    static constexpr std::size_t limit_lines = 300'000;

    // The whole file or nothing. Errors: invalid – detail names the line and what is wrong with it. limit.
    [[nodiscard]] static Result<AddressLists> parse(std::string_view file);
    // The one that is compiled in.
    [[nodiscard]] static AddressLists built_in();

    // What `domain` (A-labels, lower case) was meant to be: a listed mistake first; then the nearest provider, by slips
    // in its name (none for names of up to three letters, one up to five, two above) and one in the rest, or the same
    // name with another ending; then a top-level domain that does not exist. Nothing for providers themselves.
    [[nodiscard]] std::optional<Typo> typo_of(std::string_view domain) const;
    // The domain itself or one above it is on the list.
    [[nodiscard]] bool is_disposable(std::string_view domain) const;
    // In any case, and with a "+tag" behind.
    [[nodiscard]] bool is_role(std::string_view local_part) const;

 private:
    struct Provider {
        std::string domain;
        std::size_t name_octets;  // up to the first dot
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };
    using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;
    using TextMap = std::unordered_map<std::string, std::string, TextHash, std::equal_to<>>;
    class Reader;
    [[nodiscard]] const Provider* nearest_provider(std::string_view domain) const;

    std::vector<Provider> providers_;
    TextSet provider_names_, disposable_, roles_;
    TextMap typos_, endings_;
};

}  // namespace relevo::addresscheck

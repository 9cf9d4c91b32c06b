// DNS blocklists (RFC 5782): whether an address of ours or a domain is listed, and what its list says about it.
#pragma once

#include "core/ports/resolver.h"
#include "core/setup/check_item.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::setup {

enum class CodeForm : std::uint8_t {
    value,  // each A record 127.0.0.x is one meaning
    bits,   // the last octet is a set of bits, each with a meaning
};

struct CodeMeaning {
    std::string_view address;  // "127.0.0.2"; with bits: 127.0.0.BIT
    std::string_view english;
    std::string_view spanish;
};

struct Blocklist {
    std::string_view name;  // "Spamhaus ZEN"
    std::string_view zone;  // "zen.spamhaus.org"
    // With a key of the list's operator, other names are asked: "{key}.zen.dq.spamhaus.net"; "" if there are none.
    std::string_view keyed_zone = {};
    bool lists_ipv4 = false;
    bool lists_ipv6 = false;
    bool lists_domains = false;
    // What is always listed, so that one can tell "not listed" from "does not answer us" (RFC 5782 §5).
    std::string_view test_entry = "2.0.0.127";
    CodeForm form = CodeForm::value;
    std::span<const CodeMeaning> meanings = {};
    std::span<const CodeMeaning> refusals = {};  // answers that say that we may not ask, not that we are listed
    CheckStatus weight = CheckStatus::fail;      // of being listed: warn for lists that few receivers act on
    std::string_view delisting;                  // where to look and to ask for removal
};

// docs/manual/checks.md shows these to operators; blocklist_table.cc says where each fact comes from.
[[nodiscard]] std::span<const Blocklist> blocklist_table();
// By its zone; nullptr if there is none.
[[nodiscard]] const Blocklist* find_blocklist(std::string_view zone);

// What the answer of a list means. Pure.
struct ListVerdict {
    enum class Kind : std::uint8_t { clear, listed, refused };
    Kind kind = Kind::clear;
    std::vector<Words> meanings;  // one for each code
};
[[nodiscard]] ListVerdict judge_list_answer(const Blocklist& list, const dns::Answer& answer);

struct BlocklistOptions {
    std::vector<std::string> zones;                        // that are asked; empty: none
    std::map<std::string, std::string, std::less<>> keys;  // by zone of the table
};

// One item for each list that lists such things and each subject. Lists that do not list their own test entry are
// `skipped`, with the reason: public resolvers and missing keys are told apart from "not listed".
Task<std::vector<CheckItem>> check_address_lists(Shard& shard, Resolver& resolver, BlocklistOptions options,
                                                 std::vector<dns::IpAddress> addresses, Deadline deadline);
Task<std::vector<CheckItem>> check_domain_lists(Shard& shard, Resolver& resolver, BlocklistOptions options,
                                                std::vector<std::string> domains, Deadline deadline);

// "1.2.0.192" for 192.0.2.1, nibbles for IPv6 (RFC 5782 §2.1, §2.4).
[[nodiscard]] std::string list_label(const dns::IpAddress& address);

}  // namespace relevo::setup

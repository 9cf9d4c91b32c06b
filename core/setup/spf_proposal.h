// The SPF record that lets our servers send for a domain, made of the one that the domain has (RFC 7208 §3.2: at most
// one).
#pragma once

#include "core/setup/facts.h"
#include "core/setup/words.h"

#include <string>
#include <vector>

namespace relevo::setup {

struct SpfProposal {
    std::string record;  // to be published
    Words remark;        // what the owner must decide; empty if nothing
};

// `existing`: every record there that begins with v=spf1. What is there is kept in its order; ours goes before `all`.
[[nodiscard]] SpfProposal propose_spf(const DomainFacts& facts, const std::vector<std::string>& existing);

// "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all".
[[nodiscard]] std::string spf_of_addresses(const std::vector<dns::IpAddress>& addresses);

}  // namespace relevo::setup

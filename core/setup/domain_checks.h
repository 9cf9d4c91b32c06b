// Everything that is looked at for `relevo check DOMAIN`, and again and again by the running server.
#pragma once

#include "core/ports/web_pages.h"
#include "core/setup/blocklist.h"
#include "core/setup/plan_status.h"

#include <string>
#include <vector>

namespace relevo::setup {

// A certificate that our listeners show, as TLSA records refer to it (RFC 6698 §2.1, selectors and matching type 1).
struct CertificateDigests {
    std::string certificate_sha256;  // raw octets
    std::string key_sha256;
};

struct DomainCheckOptions {
    DnsViewOptions view;
    BlocklistOptions blocklists;
    std::vector<CertificateDigests> certificates;
    bool validates = false;     // the resolver checks DNSSEC
    WebPages* pages = nullptr;  // for MTA-STS policies; null: they are not fetched
};

struct DomainReport {
    DnsPlan plan;
    std::vector<CheckItem> items;
};

// Asks the DNS, at most some 150 questions, and one web server. Without a deadline in `options.view` none is set.
Task<DomainReport> check_domain(Shard& shard, Resolver& resolver, ZoneServers* zone_servers, DomainFacts facts,
                                DomainCheckOptions options);

// The plan alone, held against the DNS.
Task<DnsPlan> look_at_plan(Shard& shard, Resolver& resolver, ZoneServers* zone_servers, DomainFacts facts,
                           DnsViewOptions options);

// One finding for each record of the plan. Pure.
[[nodiscard]] std::vector<CheckItem> items_of(const DnsPlan& plan);

}  // namespace relevo::setup

#include "core/setup/spf_proposal.h"

#include "lib/mailauth/spf_setup.h"

#include <fmt/format.h>

namespace relevo::setup {
namespace {

std::string mechanism_of(const dns::IpAddress& address) {
    return fmt::format("{}:{}", address.is_v4() ? "ip4" : "ip6", address.text());
}

std::vector<std::string> mechanisms_of(const DomainFacts& facts) {
    if (!facts.spf_include.empty()) return {"include:" + facts.spf_include};
    std::vector<std::string> mechanisms;
    for (const dns::IpAddress& address : facts.egress) mechanisms.push_back(mechanism_of(address));
    // Nothing is known of where mail leaves from: whatever the name of this server leads to.
    if (mechanisms.empty()) mechanisms.push_back("a:" + facts.host_name);
    return mechanisms;
}

}  // namespace

std::string spf_of_addresses(const std::vector<dns::IpAddress>& addresses) {
    std::string record = "v=spf1";
    for (const dns::IpAddress& address : addresses) record += " " + mechanism_of(address);
    return record + " ~all";
}

SpfProposal propose_spf(const DomainFacts& facts, const std::vector<std::string>& existing) {
    SpfProposal proposal;
    if (!existing.empty()) proposal.record = existing.front();
    if (existing.size() > 1)
        proposal.remark = {
            "there are several SPF records, so none counts: this is the first of them with ours added; "
            "put into it what the others say, and delete them",
            "hay varios registros SPF, así que no vale ninguno: este es el primero con lo nuestro "
            "añadido; pase a él lo que digan los demás y bórrelos"};
    for (const std::string& mechanism : mechanisms_of(facts)) {
        auto merged = mailauth::merge_spf(proposal.record, mechanism);
        if (!merged.has_value()) {
            // Begins anew: what cannot be read lets nobody send anyway.
            proposal.remark = {"the SPF record that is there cannot be read: " + merged.error().detail,
                               "el registro SPF que hay no se puede interpretar: " + merged.error().detail};
            proposal.record.clear();
            merged = mailauth::merge_spf("", mechanism);
        }
        if (merged.has_value()) proposal.record = *std::move(merged);
    }
    return proposal;
}

}  // namespace relevo::setup

#include "app/lookups/verdict_json.h"

#include "app/lookups/report.h"

namespace relevo::lookups {

using boost::json::array;
using boost::json::object;

std::string_view name_of(dns::Security security) {
    switch (security) {
        case dns::Security::insecure: return "insecure";
        case dns::Security::secure: return "secure";
        case dns::Security::bogus: return "bogus";
    }
    return "insecure";
}

array as_json(const std::vector<mailauth::CheckStep>& steps) {
    array list;
    for (const mailauth::CheckStep& step : steps)
        list.push_back(
            object{{"depth", step.depth}, {"subject", plain(step.subject)}, {"outcome", plain(step.outcome)}});
    return list;
}

object as_json(const mailauth::SpfVerdict& verdict) {
    return {{"result", mailauth::name_of(verdict.result)},
            {"identity", verdict.identity == mailauth::SpfIdentity::helo ? "helo" : "mailfrom"},
            {"domain", plain(verdict.domain)},
            {"sender", plain(verdict.sender)},
            {"mechanism", plain(verdict.mechanism)},
            {"explanation", plain(verdict.explanation)},
            {"reason", plain(verdict.reason)},
            {"lookups", verdict.lookups},
            {"void_lookups", verdict.void_lookups},
            {"dnssec", name_of(verdict.security)},
            {"steps", as_json(verdict.steps)}};
}

object as_json(const mailauth::DkimVerdict& verdict) {
    return {{"result", mailauth::name_of(verdict.result)},
            {"domain", plain(verdict.domain)},
            {"selector", plain(verdict.selector)},
            {"identity", plain(verdict.identity)},
            {"algorithm", plain(verdict.algorithm)},
            {"key_bits", verdict.key_bits},
            {"testing", verdict.is_testing},
            {"covers_body", verdict.covers_body},
            {"reason", plain(verdict.reason)},
            {"dnssec", name_of(verdict.security)},
            {"steps", as_json(verdict.steps)}};
}

object as_json(const mailauth::ArcVerdict& verdict) {
    array sealers;
    for (const std::string& sealer : verdict.sealers) sealers.emplace_back(plain(sealer));
    return {{"result", mailauth::name_of(verdict.result)},
            {"instances", verdict.instances},
            {"oldest_pass", verdict.oldest_pass},
            {"sealers", std::move(sealers)},
            {"reason", plain(verdict.reason)},
            {"steps", as_json(verdict.steps)}};
}

object as_json(const mailauth::DmarcVerdict& verdict) {
    return {{"result", mailauth::name_of(verdict.result)},
            {"author_domain", plain(verdict.author_domain)},
            {"organizational_domain", plain(verdict.organizational_domain)},
            {"policy_domain", plain(verdict.policy_domain)},
            {"published", mailauth::name_of(verdict.published)},
            {"disposition", mailauth::name_of(verdict.disposition)},
            {"spf_aligned", verdict.spf_aligned},
            {"dkim_aligned", verdict.dkim_aligned},
            {"record", plain(verdict.record)},
            {"reason", plain(verdict.reason)},
            {"dnssec", name_of(verdict.security)},
            {"steps", as_json(verdict.steps)}};
}

array as_json(const std::vector<mailauth::ExplanationItem>& items) {
    array list;
    for (const mailauth::ExplanationItem& item : items) {
        array details;
        for (const std::string& detail : item.details) details.emplace_back(detail);
        list.push_back(object{{"status", mailauth::name_of(item.status)},
                              {"title", item.title},
                              {"text", item.text},
                              {"details", std::move(details)}});
    }
    return list;
}

}  // namespace relevo::lookups

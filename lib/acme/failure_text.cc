#include "lib/acme/failure_text.h"

#include <fmt/format.h>

namespace relevo::acme {
namespace {

std::string unreached(std::string_view name, ChallengeKind challenge) {
    switch (challenge) {
        case ChallengeKind::http_01:
            return fmt::format(
                "port 80 of {} does not reach this server: open it in the firewall, or forward it to an [[http]] "
                "listener with tls = false",
                name);
        case ChallengeKind::tls_alpn_01:
            return fmt::format(
                "port 443 of {} does not reach this server: open it in the firewall, or forward it (TLS and all) to an "
                "[[http]] listener with tls = true",
                name);
        case ChallengeKind::dns_01: break;
    }
    return fmt::format("the name servers of {} do not answer the authority", name);
}

std::string wrong_answer(std::string_view name, ChallengeKind challenge) {
    switch (challenge) {
        case ChallengeKind::http_01:
            return fmt::format(
                "something else than this server answers on port 80 of {}: look where the name leads (A and AAAA), and "
                "let /.well-known/acme-challenge/ through to this server",
                name);
        case ChallengeKind::tls_alpn_01:
            return fmt::format(
                "something else than this server ends TLS on port 443 of {}: look where the name leads (A and AAAA), "
                "and at proxies before it",
                name);
        case ChallengeKind::dns_01: break;
    }
    return fmt::format(
        "the TXT record _acme-challenge.{} does not hold what it should: look at what acme.hook does, and give the "
        "name servers more time with acme.dns_wait",
        name);
}

// By the types of RFC 8555 §6.7; "" for those that say all themselves.
std::string advice(const Refusal& refusal, std::string_view name, ChallengeKind challenge) {
    const std::string_view type = refusal.problem ? std::string_view(refusal.problem->type) : std::string_view();
    if (type == "connection") return unreached(name, challenge);
    if (type == "tls") return fmt::format("TLS on port 443 of {} fails: does a proxy before this server end it?", name);
    if (type == "unauthorized" || type == "incorrectResponse")
        return refusal.stage == Stage::challenge || refusal.stage == Stage::finalize
                   ? wrong_answer(name, challenge)
                   : "the authority does not take our account: is it blocked there?";
    if (type == "dns") return fmt::format("the authority does not find {} in the DNS: add its A or AAAA record", name);
    if (type == "caa")
        return fmt::format("the CAA record of {} forbids this authority: add it there, or take another one", name);
    if (type == "rateLimited") return "the authority's limit is reached: nothing to do but to wait";
    if (type == "rejectedIdentifier" || type == "unsupportedIdentifier")
        return fmt::format("the authority gives no certificates for {}: take it out of acme.names", name);
    if (type == "externalAccountRequired")
        return "make an account at the authority and set acme.eab_key_id and acme.eab_key_file to what it gives you";
    if (type == "invalidContact" || type == "unsupportedContact")
        return "the authority does not take the addresses in acme.contact";
    if (type == "userActionRequired") return "the authority's terms have changed: read them, then restart Relevo";
    if (type == "serverInternal") return "the fault is the authority's; it is asked again later";
    if (refusal.stage == Stage::directory)
        return "look at acme.directory, at the way out of this machine (firewall, DNS), and at acme.trust_file if the "
               "authority is your own";
    return {};
}

}  // namespace

std::string explain(const Refusal& refusal, std::string_view name, ChallengeKind challenge,
                    std::string_view authority) {
    std::string text = fmt::format("no certificate for {} by {}: {}", name, name_of(challenge), refusal.text);
    if (const std::string what = advice(refusal, name, challenge); !what.empty()) text += "; " + what;
    if (refusal.problem && !(refusal.problem->type.empty() && refusal.problem->detail.empty()))
        text += fmt::format(". {} said: {}{}{}", authority, refusal.problem->type,
                            refusal.problem->type.empty() || refusal.problem->detail.empty() ? "" : ": ",
                            refusal.problem->detail);
    return text;
}

}  // namespace relevo::acme

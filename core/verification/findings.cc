#include "core/verification/findings.h"

#include "core/tenancy/administration.h"
#include "lib/base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

using mailauth::DmarcPolicy;
using mailauth::DmarcResult;
using mailauth::SpfResult;

Decision refuse_by_spf(const mailauth::SpfVerdict& spf) {
    return decide(ReplyKey::spf_failed, {{"domain", spf.domain}, {"reason", spf.reason}});
}

// What the author's domain asks for, held to what the recipient's domain allows.
DmarcPolicy limited(DmarcPolicy asked, DmarcHandling handling) {
    if (handling == DmarcHandling::none) return DmarcPolicy::none;
    if (handling == DmarcHandling::quarantine && asked == DmarcPolicy::reject) return DmarcPolicy::quarantine;
    return asked;
}

std::string mark_of(const mailauth::DmarcVerdict& dmarc) {
    return fmt::format("dmarc={} header.from={} policy={}", name_of(dmarc.result), dmarc.author_domain,
                       name_of(dmarc.disposition));
}

bool has_failed_spf(const Findings& findings) {
    return !findings.spf.empty() && findings.spf.front().result == SpfResult::fail;
}

AuthenticityDecision accepted(std::optional<std::string> marked = {}) {
    return {.decision = decide(ReplyKey::content_accepted), .marked = std::move(marked)};
}

// No author domain, or several: nobody can say whose policy holds (RFC 9989 §5.3.1, security row C4).
AuthenticityDecision judge_unknown_author(const mailauth::DmarcVerdict& dmarc, DmarcHandling handling) {
    if (handling == DmarcHandling::reject)
        return {.decision = decide(ReplyKey::author_not_readable, {{"reason", dmarc.reason}}), .marked = {}};
    if (handling == DmarcHandling::quarantine) return accepted("dmarc=permerror");
    return accepted();
}

AuthenticityDecision judge_failed_dmarc(const mailauth::DmarcVerdict& dmarc, DmarcHandling handling) {
    const DmarcPolicy policy = limited(dmarc.disposition, handling);
    if (policy == DmarcPolicy::reject)
        return {.decision = decide(ReplyKey::dmarc_failed,
                                   {{"domain", dmarc.author_domain}, {"policy_domain", dmarc.policy_domain}}),
                .marked = {}};
    if (policy == DmarcPolicy::quarantine) return accepted(mark_of(dmarc));
    return accepted();
}

}  // namespace

Handling handling_for(const Directory& directory, const mail::Envelope& envelope, const Handling& usual) {
    std::optional<DmarcHandling> mildest;
    for (const mail::Recipient& recipient : envelope.recipients) {
        const auto name = comparable_domain(recipient.address.domain());
        const Domain* domain = name.has_value() ? directory.domain_for(*name) : nullptr;
        const DmarcHandling wanted = domain != nullptr ? domain->dmarc.value_or(usual.dmarc) : usual.dmarc;
        mildest = mildest ? std::min(*mildest, wanted) : wanted;
    }
    return {.dmarc = mildest.value_or(usual.dmarc), .spf = usual.spf};
}

AuthenticityDecision judge_authenticity(const Findings& findings, const Handling& handling) {
    const bool passes = findings.dmarc && findings.dmarc->result == DmarcResult::pass;
    // DMARC is about the address that people see; where it passes, SPF's fail is a forwarder's.
    if (has_failed_spf(findings) && handling.spf == SpfHandling::reject && !passes)
        return {.decision = refuse_by_spf(findings.spf.front()), .marked = {}};
    if (!findings.dmarc) return accepted();
    const mailauth::DmarcVerdict& dmarc = *findings.dmarc;
    if (dmarc.result == DmarcResult::permerror && dmarc.author_domain.empty())
        return judge_unknown_author(dmarc, handling.dmarc);
    if (dmarc.result == DmarcResult::fail) return judge_failed_dmarc(dmarc, handling.dmarc);
    return accepted();
}

std::string summary_of(const Findings& findings) {
    std::string summary;
    const auto add = [&](std::string_view method, std::string_view result, std::string_view domain) {
        summary +=
            fmt::format("{}{}={}{}{}", summary.empty() ? "" : ", ", method, result, domain.empty() ? "" : " ", domain);
    };
    for (const auto& spf : findings.spf) add("spf", name_of(spf.result), spf.domain);
    if (findings.dkim && findings.dkim->empty()) add("dkim", "none", "");
    if (findings.dkim)
        for (const auto& dkim : *findings.dkim) add("dkim", name_of(dkim.result), dkim.domain);
    if (findings.arc && findings.arc->result != mailauth::ArcResult::none)
        add("arc", name_of(findings.arc->result), "");
    if (findings.dmarc) add("dmarc", name_of(findings.dmarc->result), findings.dmarc->author_domain);
    return summary;
}

std::string findings_as_json(const Findings& findings) {
    std::string dkim;
    for (const mailauth::DkimVerdict& verdict : findings.dkim.value_or(std::vector<mailauth::DkimVerdict>()))
        dkim += fmt::format("{}{}", dkim.empty() ? "" : ",",
                            JsonWriter()
                                .field("domain", verdict.domain)
                                .field("selector", verdict.selector)
                                .field("result", name_of(verdict.result))
                                .optional("reason", verdict.reason)
                                .finish());
    JsonWriter json;
    if (!findings.spf.empty())
        json.field("spf", name_of(findings.spf.front().result)).optional("spf_domain", findings.spf.front().domain);
    json.raw("dkim", "[" + dkim + "]");
    if (findings.arc) json.field("arc", name_of(findings.arc->result));
    if (findings.dmarc)
        json.field("dmarc", name_of(findings.dmarc->result)).optional("author_domain", findings.dmarc->author_domain);
    if (findings.iprev) json.field("iprev", name_of(findings.iprev->result));
    json.field("summary", summary_of(findings));
    return json.finish();
}

}  // namespace relevo

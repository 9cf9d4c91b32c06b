#include "core/policy/sending.h"

#include "core/policy/access.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo {

namespace {

// Why an identity may not use an address.
enum class Objection : std::uint8_t { none, domain, unproven, credential_domain, address, literal };

struct Finding {
    Objection objection = Objection::none;
    std::string domain;           // A-labels, if the name has them
    const Domain* row = nullptr;  // that decides, if it is the tenant's
};

bool covers(const Credential& credential, const Domain& row, std::string_view ascii_domain) {
    if (credential.domains.empty()) return true;
    return std::ranges::any_of(credential.domains, [&](const std::string& allowed) {
        if (allowed == ascii_domain) return true;
        return row.subdomains == Subdomains::included && mail::is_same_or_subdomain(allowed, row.name) &&
               mail::is_same_or_subdomain(ascii_domain, allowed);
    });
}

Finding examine(const Directory& directory, const Identity& identity, const mail::Address& address) {
    if (address.has_address_literal()) return {Objection::literal, std::string(address.domain())};
    auto domain = comparable_domain(address.domain());
    if (!domain.has_value()) return {Objection::domain, std::string(address.domain())};
    const Domain* row = directory.domain_for(*domain);
    if (row == nullptr || row->tenant != identity.tenant) return {Objection::domain, *domain};
    if (row->ownership == Ownership::pending) return {Objection::unproven, *domain, row};
    const Credential* credential = directory.credential(identity.credential);
    if (credential != nullptr && !covers(*credential, *row, *domain)) return {Objection::credential_domain, *domain};
    if (row->addresses.empty()) return {Objection::none, *domain};
    const auto comparable = comparable_address(address);
    const bool listed = comparable.has_value() && std::ranges::binary_search(row->addresses, *comparable);
    return {listed ? Objection::none : Objection::address, *domain};
}

// The first few domains that the identity may use, for a text: "a.example, b.example or 3 more".
std::string allowed_domains(const Directory& directory, const Identity& identity) {
    std::vector<std::string_view> names;
    const Credential* credential = directory.credential(identity.credential);
    if (credential != nullptr && !credential->domains.empty())
        names.assign(credential->domains.begin(), credential->domains.end());
    else
        for (const Domain* domain : directory.domains_of(identity.tenant))
            if (domain->ownership != Ownership::pending) names.emplace_back(domain->name);
    if (names.empty()) return "a domain that you add first";
    constexpr std::size_t shown = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) text.append(i == 0 ? "" : ", ").append(names[i]);
    if (names.size() > shown) text += " or " + std::to_string(names.size() - shown) + " more";
    return text;
}

Decision decide_sender(ReplyKey key, const Directory& directory, const Identity& identity, const mail::Address& address,
                       const Finding& finding, std::string_view field = {}) {
    if (finding.objection == Objection::unproven)
        return decide(key, {{"field", field},
                            {"address", address.text()},
                            {"domain", finding.row->name},
                            {"host", challenge_host(finding.row->name)},
                            {"text", challenge_text(finding.row->challenge)}});
    return decide(key, {{"field", field},
                        {"address", address.text()},
                        {"domain", finding.domain},
                        {"allowed", allowed_domains(directory, identity)}});
}

// --- header

struct FieldOfAuthors {
    std::string_view name;
    bool is_single_address;
};
constexpr auto fields_of_authors =
    std::to_array<FieldOfAuthors>({{"From", false}, {"Sender", true}, {"Resent-From", false}, {"Resent-Sender", true}});

// "From :" with white space before the colon is obsolete but still a From to readers (RFC 5322 §4.5).
bool is_named(const mail::Field& field, std::string_view name) {
    return equals_ignoring_case(trimmed(field.name), name);
}

std::size_t count_of(const mail::Header& header, std::string_view name) {
    return static_cast<std::size_t>(
        std::ranges::count_if(header.fields(), [&](const mail::Field& field) { return is_named(field, name); }));
}

std::optional<Decision> judge_author(const Directory& directory, const Identity& identity, std::string_view field,
                                     const mail::Address& address) {
    const Finding finding = examine(directory, identity, address);
    switch (finding.objection) {
        case Objection::none: return std::nullopt;
        case Objection::literal:
        case Objection::domain:
            return decide_sender(ReplyKey::from_domain_not_allowed, directory, identity, address, finding, field);
        case Objection::unproven:
            return decide_sender(ReplyKey::from_domain_not_proven, directory, identity, address, finding, field);
        case Objection::credential_domain:
            return decide_sender(ReplyKey::from_domain_not_of_credential, directory, identity, address, finding, field);
        case Objection::address:
            return decide_sender(ReplyKey::from_address_not_allowed, directory, identity, address, finding, field);
    }
    return std::nullopt;
}

std::optional<Decision> judge_field(const Directory& directory, const Identity& identity, const mail::Field& field,
                                    const FieldOfAuthors& rule) {
    const auto addresses = mail::parse_address_list(field.value);
    if (!addresses.has_value())
        return decide(ReplyKey::from_not_readable, {{"field", rule.name}, {"reason", addresses.error().detail}});
    if (addresses->empty()) return decide(ReplyKey::from_without_address, {{"field", rule.name}});
    if (rule.is_single_address && addresses->size() > 1)
        return decide(ReplyKey::from_not_readable, {{"field", rule.name}, {"reason", "it may name only one address"}});
    for (const auto& address : *addresses)
        if (auto refusal = judge_author(directory, identity, rule.name, address)) return refusal;
    return std::nullopt;
}

// The place of a CR or LF that is not part of CRLF, or of a NUL. DATA lets none through, BDAT does.
std::size_t find_bare_newline(std::string_view text) {
    for (auto at = text.find_first_of(std::string_view("\r\n\0", 3)); at != std::string_view::npos;
         at = text.find_first_of(std::string_view("\r\n\0", 3), at)) {
        if (text.substr(at, 2) != "\r\n") return at;
        at += 2;
    }
    return std::string_view::npos;
}

// The header must consist of lines that end in CRLF, and end at an empty one or with the content. Elsewhere, one reader
// would take for text, or for a part of another field, what is a field to the next: another From among them.
std::optional<Decision> judge_header_section(const mail::Header& header, std::string_view content) {
    const std::string_view before = content.substr(0, header.body_offset());
    const auto malformed = [&](std::size_t begin) {
        return decide(ReplyKey::header_malformed,
                      {{"line", content.substr(begin, std::min(content.find('\n', begin) - begin, std::size_t{60}))}});
    };
    if (const auto bare = find_bare_newline(before); bare != std::string_view::npos)
        return malformed(bare == 0 ? 0 : before.rfind('\n', bare - 1) + 1);
    const bool is_ended = before.ends_with("\r\n\r\n") || before == "\r\n";
    if (is_ended || header.body_offset() >= content.size()) return std::nullopt;
    return malformed(header.body_offset());
}

std::optional<Decision> judge_counts(const mail::Header& header) {
    const std::size_t froms = count_of(header, "From");
    if (froms == 0) return decide(ReplyKey::from_missing);
    if (froms > 1) return decide(ReplyKey::from_repeated, {{"field", "From"}, {"count", std::to_string(froms)}});
    const std::size_t senders = count_of(header, "Sender");
    if (senders > 1) return decide(ReplyKey::sender_repeated, {{"count", std::to_string(senders)}});
    return std::nullopt;
}

bool routes_on(std::string_view local_part) { return local_part.find_first_of("%!@:|/") != std::string_view::npos; }

}  // namespace

Decision judge_sender(const Directory& directory, const Identity& identity, const mail::ReversePath& sender,
                      WallClock::time_point now) {
    if (!identity.is_known()) return decide(ReplyKey::sender_accepted);
    if (auto refusal = judge_identity(directory, identity, now)) return *std::move(refusal);
    if (sender.is_null()) return decide(ReplyKey::sender_accepted);
    const Finding finding = examine(directory, identity, sender.address());
    const auto refuse = [&](ReplyKey key) {
        return decide_sender(key, directory, identity, sender.address(), finding);
    };
    switch (finding.objection) {
        case Objection::none: break;
        case Objection::literal: return refuse(ReplyKey::sender_is_literal);
        case Objection::domain: return refuse(ReplyKey::sender_domain_not_allowed);
        case Objection::unproven: return refuse(ReplyKey::sender_domain_not_proven);
        case Objection::credential_domain: return refuse(ReplyKey::sender_domain_not_of_credential);
        case Objection::address: return refuse(ReplyKey::sender_address_not_allowed);
    }
    return decide(ReplyKey::sender_accepted);
}

Decision judge_recipient(const Identity& identity, const mail::Address& recipient, const InboundDomains& is_inbound) {
    if (identity.is_known()) return decide(ReplyKey::recipient_accepted);
    const auto denied = [&](ReplyKey key) {
        return decide(key, {{"address", recipient.text()}, {"domain", recipient.domain()}});
    };
    if (recipient.has_address_literal()) return denied(ReplyKey::relaying_denied);
    const auto domain = comparable_domain(recipient.domain());
    if (!domain.has_value() || !is_inbound(*domain)) return denied(ReplyKey::relaying_denied);
    if (routes_on(recipient.local_part())) return denied(ReplyKey::recipient_routes_on);
    return decide(ReplyKey::recipient_accepted);
}

Decision judge_content(const Directory& directory, const Identity& identity, const mail::Header& header,
                       std::string_view content) {
    if (!identity.is_known()) return decide(ReplyKey::content_accepted);
    if (auto refusal = judge_header_section(header, content)) return *std::move(refusal);
    if (auto refusal = judge_counts(header)) return *std::move(refusal);
    for (const auto& field : header.fields())
        for (const auto& rule : fields_of_authors)
            if (is_named(field, rule.name))
                if (auto refusal = judge_field(directory, identity, field, rule)) return *std::move(refusal);
    return decide(ReplyKey::content_accepted);
}

RateLimits limits_of(const Directory& directory, const Identity& identity) {
    if (const Credential* credential = directory.credential(identity.credential)) return credential->limits;
    if (const NetworkGrant* grant = directory.grant(identity.grant)) return grant->limits;
    return {};
}

mail::MessageStream stream_of(const Directory& directory, const Identity& identity) {
    if (const Credential* credential = directory.credential(identity.credential)) return credential->stream;
    if (const NetworkGrant* grant = directory.grant(identity.grant)) return grant->stream;
    return mail::MessageStream::transactional;
}

std::vector<Quota> quotas_for(const Directory& directory, const Identity& identity, const mail::ReversePath& sender) {
    std::vector<Quota> found;
    if (directory.quotas().empty()) return found;
    const auto add = [&](QuotaScope scope, std::int64_t subject) {
        const auto some = directory.quotas_of(scope, subject);
        found.insert(found.end(), some.begin(), some.end());
    };
    add(QuotaScope::tenant, identity.tenant.value);
    if (identity.credential) add(QuotaScope::credential, identity.credential.value);
    if (sender.is_null()) return found;
    const auto name = comparable_domain(sender.address().domain());
    const Domain* domain = name.has_value() ? directory.domain_for(*name) : nullptr;
    if (domain != nullptr) add(QuotaScope::domain, domain->id.value);
    return found;
}

std::string subject_of(const Directory& directory, const Quota& quota) {
    std::string name = std::to_string(quota.subject);
    switch (quota.scope) {
        case QuotaScope::tenant:
            if (const Tenant* tenant = directory.tenant(TenantId{quota.subject})) name = tenant->name;
            break;
        case QuotaScope::domain:
            if (const Domain* domain = directory.domain(DomainId{quota.subject})) name = domain->name;
            break;
        case QuotaScope::credential:
            if (const Credential* login = directory.credential(CredentialId{quota.subject})) name = login->login;
            break;
    }
    return std::string(name_of(quota.scope)) + " " + name;
}

std::string quota_text(const Directory& directory, const Quota& quota) {
    return std::string(waits_for_quota) + std::to_string(quota.recipients) + " recipients per " +
           std::string(name_of(quota.period)) + " of " + subject_of(directory, quota);
}

Decision quota_reached(const Directory& directory, const QuotaLedger::Verdict& verdict, std::size_t recipients) {
    const Quota& quota = *verdict.by;
    const std::string limit = std::to_string(quota.recipients), whom = subject_of(directory, quota);
    if (verdict.answer == QuotaLedger::Answer::too_small)
        return decide(ReplyKey::quota_too_small, {{"count", std::to_string(recipients)},
                                                  {"whom", whom},
                                                  {"limit", limit},
                                                  {"period", name_of(quota.period)}});
    const bool is_soon = quota.period == QuotaPeriod::minute || quota.period == QuotaPeriod::hour;
    Decision decision =
        decide(ReplyKey::quota_reached, {{"limit", limit},
                                         {"period", name_of(quota.period)},
                                         {"whom", whom},
                                         {"time", is_soon ? reply_time(verdict.until) : reply_date(verdict.until)}});
    decision.retry_at = verdict.until;
    return decision;
}

Decision rate_reached(const RateLimiter::Refusal& refusal) {
    const bool is_hour = refusal.window == RateLimiter::Window::hour;
    const std::string limit = std::to_string(refusal.limit);
    // A day's limit may free up tomorrow, so its time comes with the date.
    const std::string time = is_hour ? reply_time(refusal.room_at) : reply_date(refusal.room_at);
    Decision decision = decide(is_hour ? ReplyKey::hourly_rate_reached : ReplyKey::daily_rate_reached,
                               {{"limit", limit}, {"time", time}});
    decision.retry_at = refusal.room_at;
    return decision;
}

Decision message_too_large(Octets size, Octets limit) {
    return decide(ReplyKey::message_too_large, {{"size", std::to_string(size)}, {"limit", std::to_string(limit)}});
}

}  // namespace relevo

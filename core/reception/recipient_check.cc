#include "core/reception/recipient_check.h"

namespace relevo {

Task<std::optional<Decision>> RecipientCheck::check(mail::Address recipient, TenantId tenant, Deadline deadline) {
    const auto lists = lists_.load();
    if (lists == nullptr || recipient.has_address_literal() || !goes_by_mx_(recipient.domain(), tenant))
        co_return std::nullopt;
    const auto domain = mail::to_ascii_domain(recipient.domain());
    if (!domain.has_value()) co_return std::nullopt;
    const auto answer = co_await resolver_.query(*domain, dns::RecordType::mx, deadline);
    if (!answer.has_value()) co_return std::nullopt;
    const bool is_null_mx = answer->exchanges.size() == 1 && answer->exchanges.front().exchange.empty();
    if (answer->name_exists && !is_null_mx) co_return std::nullopt;
    const auto typo = lists->typo_of(*domain);
    const std::string hint = typo ? ": did you mean " + typo->domain + "?" : "";
    co_return decide(is_null_mx ? ReplyKey::recipient_domain_takes_no_mail : ReplyKey::recipient_domain_missing,
                     {{"domain", *domain}, {"hint", hint}});
}

}  // namespace relevo

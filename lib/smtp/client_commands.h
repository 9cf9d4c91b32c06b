// MAIL and RCPT as this server can take them, and what it cannot take at all (RFC 5321 §3.3, §4.1.1.2-3).
#pragma once

#include "lib/smtp/client_session.h"
#include "lib/smtp/data_encoder.h"

#include <cstddef>
#include <optional>
#include <string>

namespace relevo::smtp {

// One transaction as this server can have it.
struct TransactionPlan {
    ContentFacts facts;
    ContentForm form = ContentForm::dot_stuffed;
    Octets octets = 0;  // of the content as RFC 1870 §3 counts it: with every CRLF, without stuffed dots
    bool smtputf8 = false;
};

[[nodiscard]] TransactionPlan plan_transaction(const Transaction& transaction, const ServerExtensions& server);

// Why the whole message cannot go to this server; nothing if it can: 552 5.3.4 too big (RFC 1870 §6.1), 554 5.6.3 8-bit
// or binary content (RFC 6152 §3, RFC 3030 §3), 550 5.6.7 header or sender in UTF-8 (RFC 6531 §3.5), 550 5.7.30 no
// REQUIRETLS over TLS (RFC 8689 §4.2.1).
[[nodiscard]] std::optional<Reply> refusal_of(const Transaction& transaction, const ServerExtensions& server,
                                              const TransactionPlan& plan, bool tls_active);
// 553 5.6.7: only a local part in UTF-8 stops a recipient; a domain can travel as A-labels.
[[nodiscard]] std::optional<Reply> refusal_of(const mail::Recipient& recipient, const ServerExtensions& server);

// Without CRLF. Only for what was not refused.
[[nodiscard]] std::string mail_command(const Transaction& transaction, const ServerExtensions& server,
                                       const TransactionPlan& plan);
[[nodiscard]] std::string rcpt_command(const mail::Recipient& recipient, const ServerExtensions& server);

}  // namespace relevo::smtp

#include "lib/smtp/client_commands.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo::smtp {
namespace {

Reply reply_of_ours(std::uint16_t code, EnhancedStatus status, std::string text) {
    return {.code = code, .status = status, .text = std::move(text)};
}

// The address for this server; nothing if its local part needs SMTPUTF8 (RFC 6531 §3.3) or its domain has no A-labels.
std::optional<std::string> address_for(const mail::Address& address, const ServerExtensions& server) {
    if (server.smtputf8 || !address.needs_smtputf8()) return address.text();
    if (!is_ascii(address.local_part())) return std::nullopt;
    const Result<std::string> domain = mail::to_ascii_domain(address.domain());
    if (!domain.has_value()) return std::nullopt;
    return std::string(address.local_part()) + '@' + *domain;
}

bool needs_smtputf8(const Transaction& transaction) {
    const mail::Envelope& envelope = *transaction.envelope;
    return envelope.smtputf8 ||
           (!envelope.reverse_path.is_null() && envelope.reverse_path.address().needs_smtputf8()) ||
           std::ranges::any_of(transaction.recipients,
                               [](const mail::Recipient* recipient) { return recipient->address.needs_smtputf8(); });
}

std::string_view header_of(std::string_view content) {
    return content.substr(0, std::min(content.find("\r\n\r\n"), content.find("\n\n")));
}

// esmtp-value of RFC 5321 §4.1.2: what a parameter taken from elsewhere may hold, lest it become syntax (security row
// A9).
bool is_parameter_value(std::string_view value, bool utf8) {
    return !value.empty() && std::ranges::all_of(value, [utf8](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return (octet > ' ' && octet < 0x7F && c != '=') || (utf8 && octet >= 0x80);
    });
}

std::string notify_value(mail::DsnNotify notify) {
    if ((notify.bits & mail::DsnNotify::never) != 0) return "NEVER";
    std::string value;
    const auto add = [&](std::uint8_t bit, std::string_view name) {
        if ((notify.bits & bit) == 0) return;
        if (!value.empty()) value += ',';
        value += name;
    };
    add(mail::DsnNotify::success, "SUCCESS");
    add(mail::DsnNotify::failure, "FAILURE");
    add(mail::DsnNotify::delay, "DELAY");
    return value;
}

std::string_view body_parameter(const mail::Envelope& envelope, const ServerExtensions& server,
                                const TransactionPlan& plan) {
    if (plan.form == ContentForm::binary) return " BODY=BINARYMIME";
    const bool declared = envelope.body == mail::BodyType::eight_bit_mime;
    return server.eight_bit_mime && (declared || plan.facts.eight_bit) ? " BODY=8BITMIME" : "";
}

}  // namespace

TransactionPlan plan_transaction(const Transaction& transaction, const ServerExtensions& server) {
    TransactionPlan plan;
    plan.facts = inspect_content(transaction.content);
    const bool binary = transaction.envelope->body == mail::BodyType::binary_mime && server.binary_mime;
    if (server.chunking) plan.form = binary ? ContentForm::binary : ContentForm::counted;
    plan.octets = transaction.content.size() + (binary ? 0 : plan.facts.bare_line_ends);
    plan.smtputf8 = server.smtputf8 && needs_smtputf8(transaction);
    return plan;
}

std::optional<Reply> refusal_of(const Transaction& transaction, const ServerExtensions& server,
                                const TransactionPlan& plan, bool tls_active) {
    const mail::Envelope& envelope = *transaction.envelope;
    if (envelope.require_tls && !(server.require_tls && tls_active))
        return reply_of_ours(550, {5, 7, 30}, "REQUIRETLS is needed and this server does not support it");
    if (server.size_limit && plan.octets > *server.size_limit)
        return reply_of_ours(552, {5, 3, 4},
                             "message of " + std::to_string(plan.octets) + " octets exceeds the server's limit of " +
                                 std::to_string(*server.size_limit));
    if (envelope.body == mail::BodyType::binary_mime && plan.form != ContentForm::binary)
        return reply_of_ours(554, {5, 6, 3}, "binary content, and the server does not support BINARYMIME");
    if (plan.facts.eight_bit && plan.form != ContentForm::binary && !server.eight_bit_mime)
        return reply_of_ours(554, {5, 6, 3}, "8-bit content, and the server does not support 8BITMIME");
    if (server.smtputf8 || !needs_smtputf8(transaction)) return std::nullopt;
    if (plan.facts.eight_bit && !is_ascii(header_of(transaction.content)))
        return reply_of_ours(550, {5, 6, 7}, "header in UTF-8, and the server does not support SMTPUTF8");
    if (!envelope.reverse_path.is_null() && !address_for(envelope.reverse_path.address(), server))
        return reply_of_ours(550, {5, 6, 7}, "sender address in UTF-8, and the server does not support SMTPUTF8");
    return std::nullopt;
}

std::optional<Reply> refusal_of(const mail::Recipient& recipient, const ServerExtensions& server) {
    if (address_for(recipient.address, server)) return std::nullopt;
    return reply_of_ours(553, {5, 6, 7}, "recipient address in UTF-8, and the server does not support SMTPUTF8");
}

std::string mail_command(const Transaction& transaction, const ServerExtensions& server, const TransactionPlan& plan) {
    const mail::Envelope& envelope = *transaction.envelope;
    std::string command = "MAIL FROM:<";
    if (!envelope.reverse_path.is_null()) command += address_for(envelope.reverse_path.address(), server).value_or("");
    command += '>';
    if (server.size) command.append(" SIZE=").append(std::to_string(plan.octets));
    command += body_parameter(envelope, server, plan);
    if (plan.smtputf8) command += " SMTPUTF8";
    if (server.dsn) {
        if (envelope.dsn_return == mail::DsnReturn::full) command += " RET=FULL";
        if (envelope.dsn_return == mail::DsnReturn::headers) command += " RET=HDRS";
        if (is_parameter_value(envelope.envelope_id, false)) command.append(" ENVID=").append(envelope.envelope_id);
    }
    if (envelope.require_tls) command += " REQUIRETLS";
    return command;
}

std::string rcpt_command(const mail::Recipient& recipient, const ServerExtensions& server) {
    std::string command = "RCPT TO:<";
    command.append(address_for(recipient.address, server).value_or("")).append(">");
    if (!server.dsn) return command;
    if (recipient.notify.bits != 0) command.append(" NOTIFY=").append(notify_value(recipient.notify));
    if (is_parameter_value(recipient.original_recipient, server.smtputf8))
        command.append(" ORCPT=").append(recipient.original_recipient);
    return command;
}

}  // namespace relevo::smtp

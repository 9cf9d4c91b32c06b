#include "lib/smtp/server_session_state.h"

namespace relevo::smtp {

ParameterRules ServerSession::State::rules() const {
    ParameterRules rules;
    if (!extended) return rules;
    rules.size = true;
    rules.body = true;
    rules.binary = options->offers_chunking;
    rules.dsn = options->offers_dsn;
    rules.smtputf8 = options->offers_smtputf8;
    rules.auth = options->authentication != Authentication::not_offered;
    rules.require_tls = options->offers_requiretls && tls == TlsOffer::active;
    rules.size_limit = options->message_size_limit;
    return rules;
}

// RFC 5321 §4.1.4, RFC 3207 §4, RFC 4954 §6.
std::optional<Reply> ServerSession::State::sender_objection() const {
    if (client_name.empty()) return Reply{503, EnhancedStatus{5, 5, 1}, "Send EHLO first"};
    if (in_transaction)
        return Reply{503, EnhancedStatus{5, 5, 1}, "A transaction is under way: finish it or send RSET first"};
    if (options->tls_required && tls != TlsOffer::active)
        return Reply{530, EnhancedStatus{5, 7, 0},
                     "Must issue a STARTTLS command first: switch on STARTTLS/TLS in your client's security settings"};
    if (options->authentication == Authentication::required && !authenticated)
        return Reply{530, EnhancedStatus{5, 7, 0},
                     "Authentication required: log in first (AUTH), with the user name and password of your "
                     "credential"};
    return std::nullopt;
}

MaybeStep ServerSession::State::take_sender(const Command& command) {
    if (const auto objection = sender_objection()) {
        // Who sees no AUTH before STARTTLS, as RFC 4954 §4 lets us hide it, goes on without.
        const bool wants_tls =
            tls != TlsOffer::active && (options->tls_required || !options->authentication_without_tls);
        if (objection->code == 530)
            mistake = wants_tls ? ClientMistake::login_without_tls : ClientMistake::sender_without_login;
        refuse_command(*objection);
        return std::nullopt;
    }
    auto arguments = parse_mail(command.argument, rules());
    if (!arguments.has_value()) {
        refuse_command(arguments.error());
        return std::nullopt;
    }
    envelope = std::move(arguments->envelope);
    awaited = AwaitedVerdict::sender;
    return JudgeSender{&envelope, arguments->announced_size, std::move(arguments->authorization)};
}

MaybeStep ServerSession::State::take_recipient(const Command& command) {
    if (!in_transaction || has_chunks) {
        refuse_command(503, {5, 5, 1},
                       in_transaction ? "The content has begun: no more recipients" : "Send MAIL first");
        return std::nullopt;
    }
    if (envelope.recipients.size() >= options->recipient_limit) {
        // RFC 5321 §4.5.3.1.10: 452, so that the client sends the rest in another transaction.
        say(452, {4, 5, 3},
            "Too many recipients: the limit is " + std::to_string(options->recipient_limit) + " per message");
        return std::nullopt;
    }
    const mail::Utf8 utf8 = envelope.smtputf8 ? mail::Utf8::allowed : mail::Utf8::refused;
    auto parsed = parse_recipient(command.argument, rules(), utf8, options->host_name);
    if (!parsed.has_value()) {
        refuse_command(parsed.error());
        return std::nullopt;
    }
    recipient = std::move(parsed).value();
    awaited = AwaitedVerdict::recipient;
    return JudgeRecipient{&*recipient};
}

}  // namespace relevo::smtp

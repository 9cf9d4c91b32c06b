// One mail transaction of the client (RFC 5321 §3.3, RFC 2920 §3.1, RFC 3030 §2, RFC 2033 §4.2).
#include "lib/base/text.h"
#include "lib/smtp/client_state.h"

#include <algorithm>
#include <cassert>

namespace relevo::smtp {
namespace {

// Commands under way at once: enough to hide the round trip, few enough that neither side's buffers fill up while both
// write (RFC 2920 §3.1 warns of that deadlock).
constexpr std::size_t pipeline_commands = 100;

}  // namespace

void ClientSession::State::begin(const Transaction& transaction) {
    assert(activity == Activity::nothing && transaction.envelope != nullptr);
    running = {};
    running.transaction = transaction;
    running.plan = plan_transaction(transaction, extensions);
    running.progress.assign(transaction.recipients.size(), Progress::waiting);
    results.assign(transaction.recipients.size(), {});
    in_transaction = true;
    reports_taken = extensions.dsn;
    if (const auto refusal = refusal_of(transaction, extensions, running.plan, tls_active))
        decide_rest(ClientStage::mail, *refusal);
    else
        for (std::size_t i = 0; i < transaction.recipients.size(); ++i)
            if (const auto recipient_refusal = refusal_of(*transaction.recipients[i], extensions))
                decide(i, ClientStage::rcpt, *recipient_refusal);
    const bool somebody_left = std::ranges::find(running.progress, Progress::waiting) != running.progress.end();
    if (!somebody_left) return end_transaction();
    running.encoder = DataEncoder(transaction.content, running.plan.form, running.plan.facts);
    activity = Activity::replies;
    pump();
}

void ClientSession::State::pump() {
    const std::size_t allowed = extensions.pipelining ? pipeline_commands : 1;
    while (expected.size() < allowed && send_next_command()) {
    }
    if (expected.empty()) settle_envelope();
}

bool ClientSession::State::send_next_command() {
    const auto say = [this](const std::string& command, Expected reply) {
        transcript.add_command(command);
        send(command, reply);
        return true;
    };
    if (reset_due) {
        reset_due = false;
        return say("RSET", {ClientStage::rset});
    }
    if (!running.mail_sent) {
        running.mail_sent = true;
        return say(mail_command(running.transaction, extensions, running.plan), {ClientStage::mail});
    }
    if (running.mail_refused || running.data_sent) return false;
    std::size_t& i = running.next_recipient;
    while (i < running.progress.size() && running.progress[i] != Progress::waiting) ++i;
    if (i < running.progress.size()) {
        const std::size_t recipient = i++;
        return say(rcpt_command(*running.transaction.recipients[recipient], extensions),
                   {ClientStage::rcpt, recipient});
    }
    // DATA ends a group (RFC 2920 §3.1). It is worth sending while somebody was accepted or may still be.
    if (running.plan.form != ContentForm::dot_stuffed || (expected.empty() && running.taken == 0)) return false;
    running.data_sent = true;
    return say("DATA", {ClientStage::data});
}

// All commands sent so far are answered, and DATA was none of them.
void ClientSession::State::settle_envelope() {
    if (running.taken > 0) {
        activity = Activity::content;
        return;
    }
    reset_due = running.mail_accepted;
    end_transaction();
}

void ClientSession::State::handle_mail(const Reply& reply) {
    running.mail_accepted = reply.is_positive();
    running.mail_refused = !reply.is_positive();
    if (running.mail_refused) decide_rest(ClientStage::mail, reply);
    pump();
}

void ClientSession::State::handle_rcpt(std::size_t recipient, const Reply& reply) {
    // After a refused MAIL this answers a command of ours that was already on its way; MAIL's reply decides.
    if (running.progress[recipient] == Progress::waiting) {
        if (reply.is_positive()) {
            running.progress[recipient] = Progress::taken;
            ++running.taken;
            results[recipient].reply = reply;
        } else {
            decide(recipient, ClientStage::rcpt, reply);
        }
    }
    pump();
}

void ClientSession::State::handle_data(const Reply& reply) {
    if (!reply.is_positive()) {
        decide_rest(ClientStage::data, reply);
        reset_due = running.mail_accepted;
        return end_transaction();
    }
    if (running.taken > 0) {
        activity = Activity::content;
        return;
    }
    // RFC 2920 §3.1: "the client SMTP MUST then send a single dot" if DATA is accepted though no recipient was.
    if (options.protocol == Protocol::lmtp)
        return fail_unexpected(ClientStage::data, reply);  // RFC 2033 §4.2: must be refused; no reply follows the dot
    transcript.add_command(".");
    send(".", {ClientStage::end_of_data});
}

void ClientSession::State::content_sent() {
    if (running.plan.form != ContentForm::dot_stuffed) transcript.add_command(trimmed(bdat_command()));
    transcript.add_content(running.plan.octets);
    if (running.plan.form == ContentForm::dot_stuffed) transcript.add_command(".");
    activity = Activity::replies;
    if (options.protocol == Protocol::smtp) return expected.push_back({ClientStage::end_of_data});
    // RFC 2033 §4.2: "one reply for each previously successful RCPT command in the mail transaction, in order".
    for (std::size_t i = 0; i < running.progress.size(); ++i)
        if (running.progress[i] == Progress::taken) expected.push_back({ClientStage::end_of_data, i});
}

void ClientSession::State::handle_end_of_data(const Expected& awaited, const Reply& reply) {
    // RFC 3030 §2: after a refused BDAT "the client MUST issue a RSET"; after the dot the transaction is over either
    // way.
    if (!reply.is_positive() && running.plan.form != ContentForm::dot_stuffed) reset_due = true;
    if (options.protocol == Protocol::smtp)
        decide_rest(ClientStage::end_of_data, reply);
    else
        decide(awaited.recipient, ClientStage::end_of_data, reply);
    if (expected.empty()) end_transaction();
}

std::string ClientSession::State::bdat_command() const {
    if (running.plan.form == ContentForm::dot_stuffed) return {};
    return "BDAT " + std::to_string(running.plan.octets) + " LAST\r\n";
}

void ClientSession::State::decide(std::size_t recipient, ClientStage where, const Reply& reply) {
    running.progress[recipient] = Progress::decided;
    results[recipient] = {.accepted = where == ClientStage::end_of_data && reply.code >= 200 && reply.code < 300,
                          .stage = where,
                          .reply = reply};
}

void ClientSession::State::decide_rest(ClientStage where, const Reply& reply) {
    for (std::size_t i = 0; i < results.size(); ++i)
        if (running.progress[i] != Progress::decided) decide(i, where, reply);
}

void ClientSession::State::end_transaction() {
    in_transaction = false;
    activity = Activity::transaction_end;
}

}  // namespace relevo::smtp

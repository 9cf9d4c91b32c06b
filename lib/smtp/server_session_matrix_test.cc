// Every command in every state (security row A7): 12 states, 20 commands, and the code each must give.
#include "lib/smtp/conversation.h"

#include <array>

namespace relevo::smtp {
namespace {

constexpr std::array<std::string_view, 20> commands = {"EHLO b.example",
                                                       "HELO b.example",
                                                       "MAIL FROM:<a@example.com>",
                                                       "RCPT TO:<b@example.net>",
                                                       "DATA",
                                                       "BDAT 5\r\nabc",  // with the CRLF that is added
                                                       "BDAT 2 LAST\r\n",
                                                       "RSET",
                                                       "NOOP",
                                                       "QUIT",
                                                       "VRFY a",
                                                       "EXPN a",
                                                       "HELP",
                                                       "STARTTLS",
                                                       "AUTH PLAIN AGEAYg==",
                                                       "XCLIENT NAME=x",
                                                       "",
                                                       "MAIL",
                                                       "DATA x",
                                                       "RCPT TO:<>"};

struct StateRow {
    std::string_view name;
    std::vector<std::string_view> script;  // lines that lead there
    TlsOffer tls;
    bool tls_required;
    Authentication authentication;
    std::array<int, 20> codes;
};

const std::string_view ehlo = "EHLO a.example";
const std::string_view mail = "MAIL FROM:<a@example.com>";
const std::string_view rcpt = "RCPT TO:<b@example.net>";

const std::vector<StateRow> states = {
    {"connected", {}, TlsOffer::starttls, false, Authentication::offered, {250, 250, 503, 503, 503, 503, 503,
                                                                           250, 250, 221, 252, 502, 214, 220,
                                                                           503, 500, 500, 503, 501, 503}},
    {"HELO", {"HELO a.example"}, TlsOffer::starttls, false, Authentication::offered, {250, 250, 250, 503, 503, 503, 503,
                                                                                      250, 250, 221, 252, 502, 214, 220,
                                                                                      503, 500, 500, 501, 501, 503}},
    {"EHLO", {ehlo}, TlsOffer::starttls, false, Authentication::offered, {250, 250, 250, 503, 503, 503, 503,
                                                                          250, 250, 221, 252, 502, 214, 220,
                                                                          235, 500, 500, 501, 501, 503}},
    {"EHLO, AUTH required", {ehlo}, TlsOffer::starttls, false, Authentication::required, {250, 250, 530, 503, 503,
                                                                                          503, 503, 250, 250, 221,
                                                                                          252, 502, 214, 220, 235,
                                                                                          500, 500, 530, 501, 503}},
    {"EHLO, TLS required", {ehlo}, TlsOffer::starttls, true, Authentication::offered, {250, 250, 530, 503, 503,
                                                                                       503, 503, 250, 250, 221,
                                                                                       252, 502, 214, 220, 530,
                                                                                       500, 500, 530, 501, 503}},
    {"TLS", {ehlo, "STARTTLS"}, TlsOffer::starttls, true, Authentication::offered, {250, 250, 503, 503, 503, 503, 503,
                                                                                    250, 250, 221, 252, 502, 214, 503,
                                                                                    503, 500, 500, 503, 501, 503}},
    {"TLS, EHLO",
     {ehlo, "STARTTLS", ehlo},
     TlsOffer::starttls,
     true,
     Authentication::offered,
     {250, 250, 250, 503, 503, 503, 503, 250, 250, 221, 252, 502, 214, 503, 235, 500, 500, 501, 501, 503}},
    {"logged in",
     {ehlo, "AUTH PLAIN AGEAYg=="},
     TlsOffer::active,
     true,
     Authentication::required,
     {250, 250, 250, 503, 503, 503, 503, 250, 250, 221, 252, 502, 214, 503, 503, 500, 500, 501, 501, 503}},
    {"MAIL", {ehlo, mail}, TlsOffer::starttls, false, Authentication::offered, {250, 250, 503, 250, 554, 554, 554,
                                                                                250, 250, 221, 252, 502, 214, 503,
                                                                                503, 500, 500, 503, 501, 501}},
    {"RCPT", {ehlo, mail, rcpt}, TlsOffer::starttls, false, Authentication::offered, {250, 250, 503, 250, 354, 250, 250,
                                                                                      250, 250, 221, 252, 502, 214, 503,
                                                                                      503, 500, 500, 503, 501, 501}},
    {"RCPT refused",
     {ehlo, mail, "RCPT TO:<refused@example.net>"},
     TlsOffer::starttls,
     false,
     Authentication::offered,
     {250, 250, 503, 250, 554, 554, 554, 250, 250, 221, 252, 502, 214, 503, 503, 500, 500, 503, 501, 501}},
    {"BDAT",
     {ehlo, mail, rcpt, "BDAT 2\r\n"},
     TlsOffer::starttls,
     false,
     Authentication::offered,
     {250, 250, 503, 503, 503, 250, 250, 250, 250, 221, 252, 502, 214, 503, 503, 500, 500, 503, 501, 503}},
};

Verdicts refusing_one_recipient() {
    Verdicts verdicts;
    verdicts.recipient = [](const mail::Recipient& recipient) {
        return recipient.address.local_part() == "refused" ? Reply{550, EnhancedStatus{5, 1, 1}, "No such user"}
                                                           : Reply{250, EnhancedStatus{2, 1, 5}, "Ok"};
    };
    return verdicts;
}

ServerOptions options_of(const StateRow& state) {
    ServerOptions options = options_for_tests();
    options.authentication = state.authentication;
    options.authentication_without_tls = true;
    options.tls_required = state.tls_required;
    options.mechanisms = {"PLAIN"};
    return options;
}

void lead_to(Conversation& peer, const StateRow& state) {
    for (std::string_view line : state.script) {
        peer.sends(line);
        peer.expects(line == "STARTTLS" ? 220 : line.starts_with("AUTH") ? 235 : line.contains("refused") ? 550 : 250);
    }
}

TEST(ServerSessionMatrix, AnswersEveryCommandInEveryState) {  // RFC 5321 §4.1.4, §4.3.2
    for (const StateRow& state : states) {
        for (std::size_t i = 0; i < commands.size(); ++i) {
            SCOPED_TRACE(std::string(state.name) + ": " + std::string(commands[i]));
            Conversation peer(options_of(state), state.tls, refusing_one_recipient());
            lead_to(peer, state);
            peer.sends(commands[i]).expects(state.codes[i]).expects_silence();
            if (state.codes[i] == 354) peer.sends(".").expects(250);
            if (peer.is_closed()) continue;
            // Whatever it was, the session is in order afterwards.
            peer.sends("EHLO again.example").expects(250);
        }
    }
}

TEST(ServerSessionMatrix, GivesOneReplyToEachOfTwoCommands) {
    for (const StateRow& state : states)
        for (std::string_view first : commands)
            for (std::string_view second : commands) {
                SCOPED_TRACE(std::string(state.name) + ": " + std::string(first) + ", " + std::string(second));
                Conversation peer(options_of(state), state.tls, refusing_one_recipient());
                lead_to(peer, state);
                for (std::string_view command : {first, second}) {
                    if (peer.is_closed()) continue;
                    const bool in_data = peer.session().phase() == ServerPhase::content;
                    peer.sends(in_data ? "." : command).expects("").expects_silence();
                }
            }
}

}  // namespace
}  // namespace relevo::smtp

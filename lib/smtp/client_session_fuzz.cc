// A hostile server: any split of its octets gives the same steps, output and results, memory stays bounded, and nobody
// is delivered to without a positive reply behind the content (F2, security row B1).
#include "lib/smtp/client_session.h"

#include "lib/base/octets.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace relevo::smtp {
namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

// How this run is set up, from the first octets of the input.
struct Setting {
    std::uint8_t options = 0, mail = 0;
    [[nodiscard]] bool has(std::uint8_t bit) const { return (options >> bit & 1U) != 0; }
};

mail::Address address(std::string_view text) { return mail::Address::parse(text, mail::Utf8::allowed).value(); }

mail::Envelope make_envelope(Setting setting) {
    mail::Envelope envelope;
    if ((setting.mail & 1U) != 0) envelope.reverse_path = mail::ReversePath(address("a@ñandú.example"));
    for (int i = 0; i < (setting.mail >> 1 & 3); ++i)
        envelope.recipients.push_back({address("b" + std::to_string(i) + "@mx.example"), {}, "rfc822;x"});
    if ((setting.mail & 8U) != 0) envelope.recipients.push_back({address("ñ@mx.example"), {}, {}});
    if ((setting.mail & 16U) != 0) envelope.body = mail::BodyType::binary_mime;
    if ((setting.mail & 32U) != 0) envelope.dsn_return = mail::DsnReturn::full;
    return envelope;
}

ClientOptions make_options(Setting setting) {
    return {.protocol = setting.has(0) ? Protocol::lmtp : Protocol::smtp,
            .client_name = "c.example",
            .tls = static_cast<ClientTls>(setting.options >> 1 & 3),
            .authenticate = setting.has(3),
            .reply_limit_octets = setting.has(4) ? 200U : 65536U};
}

// Drives a session as a caller would and writes down all that can be seen.
class Run {
 public:
    explicit Run(Setting setting)
        : setting_(setting), envelope_(make_envelope(setting)), session_(make_options(setting)) {}

    void receive(std::string_view octets) {
        session_.receive(as_octets(octets));
        work();
    }
    std::string finish() {
        session_.connection_lost("end of input");
        work();
        check(over_);
        return seen_;
    }

 private:
    void work() {
        for (int steps = 0; !over_; ++steps) {
            check(steps < 1000);
            const ClientStep step = session_.next();
            // The handshake never comes to its end here: what follows the 220 is dropped, in one piece or in many.
            if (std::holds_alternative<ClientStartTls>(step) && std::exchange(shaking_hands_, true)) return;
            note(step);
            if (std::holds_alternative<ClientNeedBytes>(step)) return;
            act(step);
        }
    }

    void note(const ClientStep& step) {
        seen_ += session_.take_output();
        if (std::holds_alternative<ClientNeedBytes>(step)) return;
        seen_.append("|").append(std::to_string(step.index())).append(name_of(session_.stage())).append("|");
    }

    void act(const ClientStep& step) {
        if (const auto* choose = std::get_if<ClientChooseMechanism>(&step)) {
            check(!choose->mechanisms->empty());
            session_.authenticate_with("PLAIN", setting_.has(5) ? std::optional<std::string_view>("s") : std::nullopt);
        } else if (const auto* challenge = std::get_if<ClientChallenge>(&step)) {
            challenge->octets.size() > 20 ? session_.cancel_authentication() : session_.respond(challenge->octets);
        } else if (std::holds_alternative<ClientReady>(step)) {
            start_or_leave();
        } else if (std::holds_alternative<ClientSendContent>(step)) {
            send_content();
        } else if (std::holds_alternative<ClientTransactionDone>(step)) {
            check_results();
        } else {
            over_ = true;
            if (std::holds_alternative<ClientFailed>(step)) {
                check(!session_.failure().detail.empty());
                seen_.append(session_.failure().detail).append(session_.failure().reply.one_line());
            }
        }
    }

    void start_or_leave() {
        content_sent_ = false;
        if (transactions_++ == 3) return session_.quit();
        Transaction transaction{.envelope = &envelope_, .recipients = {}, .content = content_};
        for (const mail::Recipient& recipient : envelope_.recipients) transaction.recipients.push_back(&recipient);
        session_.begin(transaction);
    }

    void send_content() {
        content_sent_ = true;
        if (const auto direct = setting_.has(6) ? session_.content_as_is() : std::nullopt)
            seen_.append(direct->prefix).append(direct->content).append(direct->terminator);
        else
            for (std::string piece = session_.next_content_piece(7); !piece.empty();
                 piece = session_.next_content_piece(7))
                seen_ += piece;
        session_.content_sent();
    }

    void check_results() {
        check(session_.results().size() == envelope_.recipients.size());
        for (const RecipientResult& result : session_.results()) {
            if (result.accepted) {
                check(content_sent_ && result.stage == ClientStage::end_of_data);
                check(result.reply.code >= 200 && result.reply.code < 300);
            }
            seen_.append(name_of(result.stage)).append(result.reply.one_line()).append(";");
        }
        const std::string transcript = session_.take_transcript();
        check(transcript.size() <= std::size_t{16} * 1024);
        seen_ += transcript;
    }

    Setting setting_;
    mail::Envelope envelope_;
    std::string content_ = "Subject: x\r\n\r\n.dot\nbare\r\n";
    ClientSession session_;
    std::string seen_;
    int transactions_ = 0;
    bool content_sent_ = false, shaking_hands_ = false, over_ = false;
};

}  // namespace
}  // namespace relevo::smtp

// The input: two octets of setting, one that seeds the split, then what the server says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relevo::smtp;
    if (size < 3) return 0;
    const Setting setting{.options = data[0], .mail = data[1]};
    std::uint32_t state = data[2] + 1U;
    std::string_view wire(reinterpret_cast<const char*>(data) + 3, size - 3);

    // Octets in clear behind a 220 to STARTTLS are dropped however they come, and no step takes octets by itself: so
    // the split must not show.
    Run whole(setting);
    whole.receive(wire);
    const std::string expected = whole.finish();

    Run split(setting);
    while (!wire.empty()) {
        state = state * 1664525U + 1013904223U;
        const std::size_t count = std::min<std::size_t>(1 + (state >> 24) % (data[2] % 2 == 0 ? 4 : 64), wire.size());
        split.receive(wire.substr(0, count));
        wire.remove_prefix(count);
    }
    check(split.finish() == expected);
    return 0;
}

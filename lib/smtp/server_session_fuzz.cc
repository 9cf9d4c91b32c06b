// Fuzz target F1: a whole conversation. The first octet chooses the options, the second the cut; 0xFF in the rest ends
// what the client sends without waiting. Two cuts give one transcript; every command line has one reply; what is
// accepted is in order; memory stays bounded.
#include "lib/base/text.h"
#include "lib/smtp/server_session_driver.h"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace relevo::smtp;

void require(bool holds) {
    if (!holds) std::abort();
}

ServerOptions options_from(std::uint8_t choice) {
    ServerOptions options;
    options.host_name = "mx.example";
    options.authentication = (choice & 1U) != 0 ? Authentication::required : Authentication::offered;
    options.authentication_without_tls = (choice & 2U) != 0;
    options.mechanisms = {"PLAIN", "LOGIN"};
    options.bare_newlines = (choice & 4U) != 0 ? BareNewlines::repaired : BareNewlines::refused;
    options.message_size_limit = 200;
    options.recipient_limit = 3;
    options.command_line_limit_octets = 64;
    options.auth_line_limit_octets = 80;
    options.content_line_limit_octets = (choice & 8U) != 0 ? 20 : 0;
    options.error_limit = (choice & 16U) != 0 ? 5 : 0;
    options.offers_requiretls = true;
    return options;
}

Verdicts verdicts_from(std::uint8_t choice) {
    Verdicts verdicts;
    verdicts.challenges = {"one", "two"};
    verdicts.recipient = [](const relevo::mail::Recipient& recipient) {
        return recipient.address.local_part() == "b" ? Reply{250, EnhancedStatus{2, 1, 5}, "Ok"}
                                                     : Reply{550, EnhancedStatus{5, 1, 1}, "No"};
    };
    if ((choice & 32U) != 0) verdicts.content = {451, EnhancedStatus{4, 3, 0}, "Later"};
    return verdicts;
}

// Whole replies: lines "ddd-" belong to the line "ddd " that ends them.
std::size_t count_replies(std::string_view output) {
    std::size_t count = 0;
    while (!output.empty()) {
        const std::size_t end = output.find("\r\n");
        require(end != std::string_view::npos && end >= 4 && end <= 512);
        require(output[3] == ' ' || output[3] == '-');
        require(
            std::ranges::none_of(output.substr(0, end), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }));
        if (output[3] == ' ') ++count;
        output.remove_prefix(end + 2);
    }
    return count;
}

struct Run {
    std::string output;
    std::string steps;
    bool early = false;
};

Run run(const ServerOptions& options, std::uint8_t choice, std::string_view script, const Chunking& chunking) {
    const TlsOffer tls = (choice & 64U) != 0 ? TlsOffer::active : TlsOffer::starttls;
    ServerSessionDriver driver(options, tls, verdicts_from(choice));
    for (const std::string_view group : relevo::split(script, '\xff')) {
        driver.send(group, chunking);
        if (!driver.is_closed()) require(driver.session().memory_octets() < 8192);
    }
    static_cast<void>(count_replies(driver.output()));
    for (const auto& message : driver.messages()) {
        require(!message.envelope.recipients.empty() && message.envelope.recipients.size() <= options.recipient_limit);
        require(message.content.size() <= options.message_size_limit);
    }
    return {driver.output(), driver.steps(), driver.was_early()};
}

// Groups of plain commands, one line each, get one reply each as long as no content and no login begins.
void check_one_reply_each(const ServerOptions& options, std::string_view script) {
    ServerSessionDriver driver(options, TlsOffer::none, {});
    for (std::string_view line : relevo::split(script, '\n')) {
        if (driver.is_closed() || driver.session().phase() != ServerPhase::command) return;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.size() + 2 > options.command_line_limit_octets || line.contains('\x16')) return;
        const std::size_t before = count_replies(driver.output());
        driver.send(std::string(line) + "\r\n", [](std::size_t available) { return available; });
        const bool begins_chunk =
            driver.session().phase() == ServerPhase::content && count_replies(driver.output()) == before;
        if (begins_chunk) return;
        require(count_replies(driver.output()) == before + 1);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const ServerOptions options = options_from(data[0]);
    const std::uint8_t choice = data[0];
    const std::string_view script(reinterpret_cast<const char*>(data + 2), size - 2);
    std::uint32_t seed = data[1];
    const auto at_random = [&seed](std::size_t available) {
        seed = seed * 1664525U + 1013904223U;
        return 1 + (seed >> 16U) % std::min<std::size_t>(available, 16);
    };
    const Run whole = run(options, choice, script, [](std::size_t available) { return available; });
    const Run octets = run(options, choice, script, [](std::size_t) { return std::size_t{1}; });
    const Run cut = run(options, choice, script, at_random);
    if (!whole.early) {  // a client that does not wait may find either answer
        require(whole.output == octets.output && whole.steps == octets.steps);
        require(whole.output == cut.output && whole.steps == cut.steps);
    }
    check_one_reply_each(options, script);
    return 0;
}

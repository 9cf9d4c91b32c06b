// No login without the right secret (F5): whatever a client sends, a server mechanism reaches Succeeded only after the
// driver said yes; whatever a server sends, a client mechanism neither breaks nor proves it.
#include "lib/sasl/mechanism.h"

#include <cstdint>
#include <cstdlib>

// libgsasl 2.2 loses the name of the channel binding (13 octets) each time that its SCRAM client says "y".
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libgsasl.so"; }
extern "C" const char* __lsan_default_options();
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }

namespace relevo::sasl {
namespace {

const ChannelBindings bindings{.tls_exporter = "0123456789abcdef0123456789abcdef", .tls_server_end_point = {}};

// The next line of the input; "\n" alone is an empty message, and a NUL may stand anywhere.
std::string_view take_message(std::string_view& input) {
    const std::size_t end = input.find('\n');
    const std::string_view message = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    return message;
}

void attack_server(std::string_view name, bool initial, bool says_yes, std::string_view input) {
    auto mechanism = make_server_mechanism(name, bindings, true, "mx.example").value();
    static const ScramVerifier verifier = make_scram_verifier("a secret nobody can guess", "0123456789abcdef", 1);
    bool approved = false;
    ServerMechanismStep step =
        mechanism->response(initial ? std::optional<std::string_view>(take_message(input)) : std::nullopt);
    for (int turn = 0; turn < 10; ++turn) {
        if (std::holds_alternative<Succeeded>(step)) {
            if (!approved) std::abort();
            return;
        }
        if (const auto* check = std::get_if<CheckPassword>(&step)) {
            if (check->user.empty() || check->password.empty()) std::abort();
            approved = says_yes;
            step = mechanism->password_checked(says_yes);
        } else if (const auto* needed = std::get_if<NeedVerifier>(&step)) {
            if (needed->user.empty()) std::abort();
            step = mechanism->verifier(verifier);
        } else if (std::holds_alternative<NeedPassword>(step)) {
            step = mechanism->password("a secret nobody can guess");
        } else if (input.empty()) {
            return;
        } else {
            step = mechanism->response(take_message(input));  // after Failed as well: it must stay closed
        }
    }
}

void attack_client(std::string_view name, std::string_view input) {
    auto chosen = choose_client_mechanism({std::string(name)}, {"ana", "secret"}, true, bindings);
    if (!chosen.has_value()) return;
    const bool is_scram = name.starts_with("SCRAM");
    (void)(*chosen)->initial_response();
    for (int turn = 0; turn < 4 && !input.empty(); ++turn) {
        // The costly part of SCRAM is libgsasl's alone; a small count keeps the fuzzer quick.
        std::string message(take_message(input));
        if (is_scram && message.find(",i=") != std::string::npos)
            message = message.substr(0, message.find(",i=")) + ",i=1";
        (void)(*chosen)->respond(message);
    }
    if (is_scram && (*chosen)->server_is_proven()) std::abort();
}

}  // namespace
}  // namespace relevo::sasl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static const std::vector<std::string> names = relevo::sasl::server_mechanisms(true);
    const std::string& name = names[(data[0] & 7U) % names.size()];
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    if ((data[0] & 8U) != 0)
        relevo::sasl::attack_client(name, input);
    else
        relevo::sasl::attack_server(name, (data[0] & 16U) != 0, (data[0] & 32U) != 0, input);
    return 0;
}

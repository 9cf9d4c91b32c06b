// What a SOCKS5 proxy may send: any split of it gives the same end, nothing behind the last reply is taken, and a reply
// never needs more octets than its limit. The first octet says whether there is a login.
#include "lib/socks/socks5.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace relevo::socks;

void require(bool holds) {
    if (!holds) std::abort();
}

Socks5Client make_client(bool has_login) {
    Socks5Request request{.address = relevo::dns::IpAddress::v4({192, 0, 2, 7}), .port = 25};
    if (has_login) request.user = request.password = "secret";
    return Socks5Client(std::move(request));
}

struct End {
    Socks5State state;
    std::size_t taken;
    std::string output;
};

End feed(bool has_login, std::string_view octets, std::size_t step) {
    Socks5Client client = make_client(has_login);
    std::size_t taken = 0;
    std::string output = client.take_output();
    for (std::size_t shown = std::min(step, octets.size());; shown = std::min(shown + step, octets.size())) {
        const std::size_t count = client.receive(octets.substr(taken, shown - taken));
        taken += count;
        output += client.take_output();
        require(taken <= shown);
        require(client.state() != Socks5State::waiting || shown - taken < Socks5Client::reply_limit_octets);
        require(client.state() != Socks5State::failed || !client.failure().error.detail.empty());
        if (shown == octets.size() || client.state() != Socks5State::waiting) break;
    }
    return {client.state(), taken, std::move(output)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bool has_login = data[0] % 2 == 1;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const End whole = feed(has_login, octets, octets.size() + 1);
    for (const std::size_t step : {1U, 2U, 7U}) {
        const End split = feed(has_login, octets, step);
        require(split.state == whole.state && split.taken == whole.taken && split.output == whole.output);
    }
    return 0;
}

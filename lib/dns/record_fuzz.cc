// Record data from hostile zones: never a crash, and never a name that is too long, ambiguous or unprintable. Security
// row F14.
#include "lib/dns/record.h"

#include "lib/base/text.h"
#include "lib/dns/service.h"

#include <cstdlib>
#include <string_view>

namespace {

using namespace relevo::dns;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_name(std::string_view name) {
    // Each octet of 255 may come out as \DDD.
    require(name.size() <= 4 * 255);
    for (const char c : name) require(c > 0x20 && c < 0x7f && relevo::to_lower(c) == c);
    require(name.empty() || name.front() != '.');
}

void check(RecordType type, std::string_view rdata) {
    const auto answer = decode_records(type, {rdata});
    if (!answer) {
        require(answer.error().kind == relevo::ErrorKind::invalid && !answer.error().detail.empty());
        return;
    }
    require(answer->addresses.size() + answer->exchanges.size() + answer->texts.size() + answer->data.size() == 1);
    for (const IpAddress& address : answer->addresses) {
        require(IpAddress::parse(address.text()).value() == address);
        require(Network::parse(address.text())->contains(address));
    }
    for (const MailExchange& exchange : answer->exchanges) check_name(exchange.exchange);
    if (type == RecordType::txt) require(answer->texts.front().size() < rdata.size());
    if (type == RecordType::ptr) check_name(answer->texts.front());
    for (const std::string& data : answer->data) require(data == rdata);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (const RecordType type :
         {RecordType::a, RecordType::aaaa, RecordType::mx, RecordType::txt, RecordType::ptr, RecordType::tlsa})
        check(type, input);
    if (const auto service = decode_service(input))
        require(decode_service(encode_service(*service)).value() == *service);
    // The same octets as text: what is accepted prints to what gives the same value again.
    if (const auto address = IpAddress::parse(input)) require(IpAddress::parse(address->text()).value() == *address);
    if (const auto network = Network::parse(input)) require(Network::parse(network->text()).value() == *network);
    return 0;
}

#include "lib/dns/service.h"

#include "lib/dns/name.h"

#include <fmt/format.h>

namespace relevo::dns {
namespace {

constexpr std::size_t numbers_octets = 6;

std::uint16_t number_at(std::string_view rdata, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(rdata[at]) << 8U |
                                      static_cast<std::uint8_t>(rdata[at + 1]));
}

}  // namespace

std::string Service::text() const {
    return fmt::format("{} {} {} {}", priority, weight, port, target.empty() ? "." : target);
}

Result<Service> decode_service(std::string_view rdata) {
    if (rdata.size() <= numbers_octets) return failure(ErrorKind::invalid, "an SRV record without a target");
    Service service{number_at(rdata, 0), number_at(rdata, 2), number_at(rdata, 4), {}};
    RELEVO_TRY(service.target, decode_name(rdata.substr(numbers_octets)));
    return service;
}

std::string encode_service(const Service& service) {
    std::string rdata;
    for (const std::uint16_t number : {service.priority, service.weight, service.port})
        rdata += {static_cast<char>(number >> 8U), static_cast<char>(number & 0xffU)};
    return rdata + encode_name(service.target).value();
}

}  // namespace relevo::dns

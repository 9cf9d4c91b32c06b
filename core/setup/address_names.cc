#include "core/setup/address_names.h"

#include "core/setup/dns_view.h"

#include <algorithm>

namespace relevo::setup {
namespace {

constexpr std::size_t names_asked = 5;  // of one address

}  // namespace

Task<Result<AddressNames>> names_of_address(Resolver& resolver, dns::IpAddress address, Deadline deadline) {
    RELEVO_CO_TRY(const dns::Answer answer,
                  co_await resolver.query(address.reverse_name(), dns::RecordType::ptr, question_deadline(deadline)));
    AddressNames found{.names = answer.texts, .confirmed = {}};
    for (std::size_t index = 0; index < std::min(names_asked, found.names.size()); ++index) {
        const auto back = co_await addresses_of_host(resolver, found.names[index], deadline);
        if (back.has_value() && std::ranges::find(*back, address) != back->end())
            found.confirmed.push_back(found.names[index]);
    }
    co_return found;
}

Task<Result<std::vector<dns::IpAddress>>> addresses_of_host(Resolver& resolver, std::string host, Deadline deadline) {
    std::vector<dns::IpAddress> addresses;
    for (const dns::RecordType type : {dns::RecordType::a, dns::RecordType::aaaa}) {
        RELEVO_CO_TRY(const dns::Answer answer, co_await resolver.query(host, type, question_deadline(deadline)));
        addresses.insert(addresses.end(), answer.addresses.begin(), answer.addresses.end());
    }
    co_return addresses;
}

}  // namespace relevo::setup

#include "lib/mailauth/iprev.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mailauth {

dns::Inquiry<IprevVerdict> check_iprev(dns::IpAddress client) {
    auto names = co_await dns::ask(client.reverse_name(), dns::RecordType::ptr);
    if (!names)
        co_return IprevVerdict{
            IprevResult::temperror, "",
            fmt::format("the name of {} could not be asked for: {}", client.text(), names.error().detail)};
    std::erase(names->texts, "");
    if (names->texts.empty())
        co_return IprevVerdict{IprevResult::permerror, "",
                               fmt::format("{} has no name (no PTR record)", client.text())};
    const std::size_t count = std::min(names->texts.size(), iprev_name_limit);
    std::string fault;
    for (std::size_t index = 0; index < count; ++index) {
        const std::string& name = names->texts[index];
        const auto answer = co_await dns::ask(name, client.is_v4() ? dns::RecordType::a : dns::RecordType::aaaa);
        if (answer && std::ranges::find(answer->addresses, client) != answer->addresses.end())
            co_return IprevVerdict{IprevResult::pass, name,
                                   fmt::format("{} is {}", client.text(), printable(name, 255))};
        // "invalid": a name that cannot be asked for leads nowhere.
        if (!answer && answer.error().kind != ErrorKind::invalid && fault.empty())
            fault = fmt::format("the address of {} could not be asked for: {}", printable(name, 255),
                                answer.error().detail);
    }
    if (!fault.empty()) co_return IprevVerdict{IprevResult::temperror, "", std::move(fault)};
    co_return IprevVerdict{
        IprevResult::fail, "",
        fmt::format("{} does not lead back to {}{}", printable(names->texts.front(), 255), client.text(),
                    count > 1 ? fmt::format(", nor do {} more names", count - 1) : "")};
}

}  // namespace relevo::mailauth

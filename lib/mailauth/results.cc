#include "lib/mailauth/results.h"

#include <array>
#include <utility>

namespace relevo::mailauth {
namespace {

template <class Enum, std::size_t N>
std::string_view keyword(Enum value, const std::array<std::string_view, N>& names) {
    return names.at(static_cast<std::size_t>(std::to_underlying(value)));
}

}  // namespace

std::string_view name_of(SpfResult result) {
    return keyword(result, std::to_array<std::string_view>(
                               {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}));
}
std::string_view name_of(DkimResult result) {
    return keyword(result, std::to_array<std::string_view>(
                               {"none", "pass", "fail", "policy", "neutral", "temperror", "permerror"}));
}
std::string_view name_of(ArcResult result) {
    return keyword(result, std::to_array<std::string_view>({"none", "pass", "fail", "temperror"}));
}
std::string_view name_of(DmarcResult result) {
    return keyword(result, std::to_array<std::string_view>({"none", "pass", "fail", "temperror", "permerror"}));
}
std::string_view name_of(IprevResult result) {
    return keyword(result, std::to_array<std::string_view>({"pass", "fail", "temperror", "permerror"}));
}
std::string_view name_of(DmarcPolicy policy) {
    return keyword(policy, std::to_array<std::string_view>({"none", "quarantine", "reject"}));
}
std::string_view name_of(DmarcOverride reason) {
    return keyword(reason, std::to_array<std::string_view>(
                               {"", "local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder"}));
}

}  // namespace relevo::mailauth

#include "core/lan/devices.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t name_limit_octets = 64;

std::int64_t column(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

}  // namespace

bool is_device_name(std::string_view name) {
    const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c); };
    return !name.empty() && name.size() <= name_limit_octets && is_word(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return is_word(c) || c == '.' || c == '-' || c == '_'; });
}

Result<void> create_device(Transaction& transaction, const LanDevice& device) {
    if (!is_device_name(device.name))
        return failure(ErrorKind::invalid, "\"" + printable(device.name, 80) +
                                               "\" cannot be a device's name: use at most 64 lower-case letters, "
                                               "digits and . - _, such as \"printer-2\"");
    bool taken = false;
    RELEVO_CHECK(transaction.query("SELECT 1 FROM lan_device WHERE name = $1", {std::string_view(device.name)},
                                   [&](const Row&) -> Result<void> {
                                       taken = true;
                                       return {};
                                   }));
    if (taken)
        return failure(ErrorKind::conflict, "there is a device \"" + device.name + "\" already: choose another name");
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO lan_device (name, credential_id, network_grant_id, created_at) VALUES ($1, $2, $3, $4)",
        {std::string_view(device.name), device.credential.value, device.grant.value, column(device.created_at)}));
    return {};
}

Result<void> remove_device(Transaction& transaction, std::string_view name) {
    RELEVO_TRY(const std::int64_t removed, transaction.execute("DELETE FROM lan_device WHERE name = $1", {name}));
    if (removed > 0) return {};
    return failure(ErrorKind::not_found,
                   "there is no device \"" + printable(name, 80) + "\"; see: relevo lan device list");
}

Result<std::vector<LanDevice>> list_devices(Reader& reader) {
    std::vector<LanDevice> devices;
    RELEVO_CHECK(reader.query("SELECT name, credential_id, network_grant_id, created_at FROM lan_device ORDER BY name",
                              {}, [&](const Row& row) -> Result<void> {
                                  devices.push_back(
                                      {.name = std::string(row.text(0)),
                                       .credential = CredentialId{row.integer(1)},
                                       .grant = NetworkGrantId{row.integer(2)},
                                       .created_at = WallClock::time_point(std::chrono::milliseconds(row.integer(3)))});
                                  return {};
                              }));
    return devices;
}

}  // namespace relevo

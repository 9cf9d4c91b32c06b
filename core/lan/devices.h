// The office's rows about its devices. Threads: the committer's (Transaction) or the reader's (Reader).
#pragma once

#include "core/ports/database.h"
#include "core/tenancy/model.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// A device sends by a login of its own, or because of the network that it is in.
struct LanDevice {
    std::string name;
    CredentialId credential;
    NetworkGrantId grant;
    WallClock::time_point created_at;
};

// 1 to 64 of a to z, digits, "." "-" "_", beginning with a letter or digit.
[[nodiscard]] bool is_device_name(std::string_view name);

// Errors: invalid – the name. conflict – there is such a device.
[[nodiscard]] Result<void> create_device(Transaction& transaction, const LanDevice& device);
// The row alone: what lets it send is its owner's to remove. Errors: not_found.
[[nodiscard]] Result<void> remove_device(Transaction& transaction, std::string_view name);
[[nodiscard]] Result<std::vector<LanDevice>> list_devices(Reader& reader);

}  // namespace relevo

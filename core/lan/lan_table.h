// Who is an office and which device somebody is, in memory.
#pragma once

#include "core/lan/devices.h"
#include "core/lan/offices.h"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace relevo {

// Whose mail a message of LAN mode is.
struct LanOrigin {
    LanOfficeId office;  // none: of a device of this office itself
    std::string device;  // empty: the office did not say
    friend auto operator<=>(const LanOrigin&, const LanOrigin&) = default;
};

// An immutable snapshot, swapped whole after each change, like Directory. Threads: any.
class LanTable {
 public:
    [[nodiscard]] static Result<std::shared_ptr<const LanTable>> load(Reader& reader);
    [[nodiscard]] static std::shared_ptr<const LanTable> of(const std::vector<LanOffice>& offices,
                                                            const std::vector<LanDevice>& devices);

    // None: mail of this credential comes from no office.
    [[nodiscard]] LanOfficeId office_of(CredentialId credential) const;
    // Empty: no device of ours.
    [[nodiscard]] std::string_view device_of(const Identity& identity) const;

 private:
    std::unordered_map<CredentialId, LanOfficeId> offices_;
    std::unordered_map<CredentialId, std::string> devices_by_credential_;
    std::unordered_map<NetworkGrantId, std::string> devices_by_grant_;
};

// The field by which an office names the device. A central relay believes it from an office's login alone.
inline constexpr std::string_view lan_device_field = "X-Relevo-Device";

}  // namespace relevo

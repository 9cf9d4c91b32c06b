#include "core/lan/lan_table.h"

namespace relevo {

Result<std::shared_ptr<const LanTable>> LanTable::load(Reader& reader) {
    RELEVO_TRY(const std::vector<LanOffice> offices, list_offices(reader));
    RELEVO_TRY(const std::vector<LanDevice> devices, list_devices(reader));
    return of(offices, devices);
}

std::shared_ptr<const LanTable> LanTable::of(const std::vector<LanOffice>& offices,
                                             const std::vector<LanDevice>& devices) {
    auto table = std::make_shared<LanTable>();
    for (const LanOffice& office : offices)
        if (office.credential) table->offices_.emplace(office.credential, office.id);
    for (const LanDevice& device : devices) {
        if (device.credential) table->devices_by_credential_.emplace(device.credential, device.name);
        if (device.grant) table->devices_by_grant_.emplace(device.grant, device.name);
    }
    return table;
}

LanOfficeId LanTable::office_of(CredentialId credential) const {
    const auto found = offices_.find(credential);
    return found == offices_.end() ? LanOfficeId{} : found->second;
}

std::string_view LanTable::device_of(const Identity& identity) const {
    if (identity.credential) {
        const auto found = devices_by_credential_.find(identity.credential);
        return found == devices_by_credential_.end() ? std::string_view() : found->second;
    }
    const auto found = devices_by_grant_.find(identity.grant);
    return found == devices_by_grant_.end() ? std::string_view() : found->second;
}

}  // namespace relevo

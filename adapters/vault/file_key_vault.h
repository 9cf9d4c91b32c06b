// A vault whose master key is a file.
#pragma once

#include "core/ports/key_vault.h"

#include <cstdint>
#include <memory>
#include <string>

namespace relevo {

// What to do when there is no file: make it, or refuse since something was sealed with the one that is gone.
enum class MissingMasterKey : std::uint8_t { make, refuse };

// A file that is made belongs to the owner of its folder, should root start this. Threads: any.
// Errors, with the path and what to do: not_found – missing and MissingMasterKey::refuse. refused – others may read or
// change it, or we may not. invalid – not a master key. io, full.
[[nodiscard]] Result<std::unique_ptr<KeyVault>> open_file_key_vault(const std::string& path, MissingMasterKey missing);

}  // namespace relevo

// The files of certificates: "mail.example.com.pem", ".key", ".json", and those of the account.
#pragma once

#include "core/ports/disk.h"

#include <optional>
#include <string>
#include <string_view>

namespace relevo {

// Blocks: for a thread in the background. Threads: one at a time.
class CertificateFolder {
 public:
    static constexpr std::size_t file_limit_octets = 64UL * 1024;

    explicit CertificateFolder(std::unique_ptr<Disk> disk) : disk_(std::move(disk)) {}
    // Nothing if there is no such file. Errors: those of Disk; limit.
    [[nodiscard]] Result<std::optional<std::string>> read(std::string_view name);
    // After it the file is there as a whole and survives a power cut; before it the former one is. Errors: those of
    // Disk.
    [[nodiscard]] Result<void> replace(std::string_view name, std::string_view content);

 private:
    std::unique_ptr<Disk> disk_;
};

}  // namespace relevo

#include "core/certificates/certificate_folder.h"

#include <span>

namespace relevo {

Result<std::optional<std::string>> CertificateFolder::read(std::string_view name) {
    RELEVO_TRY(const bool is_there, disk_->exists(name));
    if (!is_there) return std::optional<std::string>();
    RELEVO_TRY(const auto file, disk_->open(name, OpenMode::existing));
    RELEVO_TRY(const Octets size, file->size());
    if (size > file_limit_octets)
        return failure(ErrorKind::limit, "the file " + std::string(name) + " is larger than any of ours");
    std::string content(static_cast<std::size_t>(size), '\0');
    RELEVO_TRY(const std::size_t count, file->read_at(0, std::as_writable_bytes(std::span(content))));
    content.resize(count);
    return std::optional(std::move(content));
}

Result<void> CertificateFolder::replace(std::string_view name, std::string_view content) {
    const std::string beside = std::string(name) + ".new";
    {
        RELEVO_TRY(const auto file, disk_->open(beside, OpenMode::create));
        RELEVO_CHECK(file->truncate(0));
        RELEVO_CHECK(file->write_at(0, std::as_bytes(std::span(content))));
        RELEVO_CHECK(file->sync());
    }
    RELEVO_CHECK(disk_->rename(beside, name));
    return disk_->sync_folder();
}

}  // namespace relevo

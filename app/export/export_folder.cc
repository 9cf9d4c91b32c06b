#include "app/export/export_folder.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace relevo::exporting {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_octets = 64UL * 1024;
constexpr const char* sums_name = "SHA256SUMS";

std::unexpected<Error> of_system(const std::string& path, int number) {
    const std::error_code problem(number, std::generic_category());
    if (problem == std::errc::no_space_on_device || number == EDQUOT)
        return failure(ErrorKind::full, "there is no room for " + path);
    return failure(problem == std::errc::permission_denied ? ErrorKind::refused : ErrorKind::io,
                   fmt::format("{}: {}", path, problem.message()));
}

Result<void> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0) return of_system(path, errno);
    return {};
}

Result<void> sync_folder(const std::string& path) {
    const FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) return of_system(path, errno);
    return {};
}

// All at once: an export may have a hundred thousand small files.
Result<void> sync_files_under(const std::string& path) {
    const FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::syncfs(folder.get()) != 0) return of_system(path, errno);
    return {};
}

Result<void> require_nothing_there(const std::string& path, const std::string& unfinished) {
    std::error_code problem;
    if (fs::exists(unfinished, problem))
        return failure(ErrorKind::conflict, fmt::format("{} is there: another export is under way, or one was "
                                                        "interrupted; in that case remove it and try again",
                                                        unfinished));
    const fs::file_status status = fs::symlink_status(path, problem);
    if (!fs::exists(status)) return {};
    if (fs::is_directory(status) && fs::is_empty(path, problem) && !problem) return {};
    return failure(ErrorKind::conflict,
                   path + " is there already and not empty: an export overwrites nothing, name a new folder");
}

Result<void> write_all(int file, std::string_view octets, const std::string& path) {
    while (!octets.empty()) {
        const ssize_t count = ::write(file, octets.data(), octets.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return of_system(path, errno);
        octets.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Result<FileDescriptor> make_file(const std::string& path) {
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return of_system(path, errno);
    return file;
}

}  // namespace

ExportFile::ExportFile(std::string path, std::string name, FileDescriptor file, ExportFolder& folder)
    : path_(std::move(path)), name_(std::move(name)), file_(std::move(file)), folder_(folder) {
    crypto_hash_sha256_init(&hash_);
}

Result<void> ExportFile::write(std::string_view octets) {
    buffer_ += octets;
    return buffer_.size() < buffer_octets ? Result<void>() : flush();
}

Result<void> ExportFile::flush() {
    crypto_hash_sha256_update(&hash_, reinterpret_cast<const unsigned char*>(buffer_.data()), buffer_.size());
    RELEVO_CHECK(write_all(file_.get(), buffer_, path_));
    buffer_.clear();
    return {};
}

Result<void> ExportFile::finish() {
    RELEVO_CHECK(flush());
    if (::close(file_.release()) != 0) return of_system(path_, errno);
    std::array<unsigned char, crypto_hash_sha256_BYTES> sum{};
    crypto_hash_sha256_final(&hash_, sum.data());
    std::array<char, crypto_hash_sha256_BYTES * 2 + 1> digits{};
    sodium_bin2hex(digits.data(), digits.size(), sum.data(), sum.size());
    return folder_.add_sum(digits.data(), name_);
}

Result<ExportFolder> ExportFolder::open(const std::string& path) {
    std::error_code problem;
    std::string whole = fs::absolute(path, problem).lexically_normal().string();
    if (problem) return failure(ErrorKind::io, fmt::format("{}: {}", path, problem.message()));
    while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
    ExportFolder folder(std::move(whole));
    RELEVO_CHECK(require_nothing_there(folder.path_, folder.unfinished_));
    RELEVO_CHECK(make_folder(folder.unfinished_));
    folder.is_open_ = true;
    RELEVO_TRY(folder.sums_file_, make_file(folder.unfinished_ + "/" + sums_name));
    return folder;
}

ExportFolder::ExportFolder(ExportFolder&& other) noexcept
    : path_(std::move(other.path_)),
      unfinished_(std::move(other.unfinished_)),
      is_open_(std::exchange(other.is_open_, false)),
      folders_(std::move(other.folders_)),
      sums_(std::move(other.sums_)),
      sums_file_(std::move(other.sums_file_)) {}

ExportFolder::~ExportFolder() {
    std::error_code ignored;  // whoever exports next is told
    if (is_open_) fs::remove_all(unfinished_, ignored);
}

Result<ExportFile> ExportFolder::file(const std::string& name) {
    if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
        const std::string inner = name.substr(0, slash);
        if (!folders_.contains(inner)) RELEVO_CHECK(make_folder(unfinished_ + "/" + inner));
        folders_.insert(inner);
    }
    std::string path = unfinished_ + "/" + name;
    RELEVO_TRY(FileDescriptor file, make_file(path));
    return ExportFile(std::move(path), name, std::move(file), *this);
}

Result<void> ExportFolder::add_sum(std::string_view digits, std::string_view name) {
    sums_ += fmt::format("{}  {}\n", digits, name);
    return sums_.size() < buffer_octets ? Result<void>() : write_sums();
}

Result<void> ExportFolder::write_sums() {
    RELEVO_CHECK(write_all(sums_file_.get(), sums_, unfinished_ + "/" + sums_name));
    sums_.clear();
    return {};
}

Result<void> ExportFolder::publish() {
    RELEVO_CHECK(write_sums());
    if (::close(sums_file_.release()) != 0) return of_system(unfinished_, errno);
    RELEVO_CHECK(sync_files_under(unfinished_));
    // Over an empty folder, and never over anything else (rename(2)).
    if (::rename(unfinished_.c_str(), path_.c_str()) != 0) return of_system(path_, errno);
    is_open_ = false;
    return sync_folder(fs::path(path_).parent_path().string());
}

}  // namespace relevo::exporting

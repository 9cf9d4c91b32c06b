#include "adapters/vault/file_key_vault.h"

#include "core/ports/file_descriptor.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace relevo {
namespace {

constexpr std::string_view file_prefix = "relevo-master-key-1 ";
constexpr std::string_view sealed_prefix = "v1.";
constexpr std::size_t key_octets = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t nonce_octets = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_octets = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t fingerprint_octets = 8;
constexpr std::size_t file_limit_octets = 256;

const unsigned char* unsigned_octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* unsigned_octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void wipe(std::string& text) { sodium_memzero(text.data(), text.size()); }

// 32 octets in guarded memory that libsodium keeps from the swap.
class MasterKey {
 public:
    static Result<MasterKey> of(std::string_view octets) {
        MasterKey key(static_cast<unsigned char*>(sodium_malloc(key_octets)));
        if (key.octets_ == nullptr) return failure(ErrorKind::full, "no memory for the master key");
        std::memcpy(key.octets_.get(), octets.data(), key_octets);
        sodium_mprotect_readonly(key.octets_.get());
        return key;
    }
    [[nodiscard]] const unsigned char* octets() const { return octets_.get(); }

 private:
    explicit MasterKey(unsigned char* octets) : octets_(octets, &sodium_free) {}
    std::unique_ptr<unsigned char, decltype(&sodium_free)> octets_;
};

class FileKeyVault final : public KeyVault {
 public:
    explicit FileKeyVault(MasterKey key) : key_(std::move(key)), fingerprint_(fingerprint_octets, '\0') {
        std::array<unsigned char, crypto_generichash_BYTES_MIN> digest{};
        constexpr std::string_view purpose = "relevo master key fingerprint";
        crypto_generichash(digest.data(), digest.size(), unsigned_octets(purpose), purpose.size(), key_.octets(),
                           key_octets);
        std::memcpy(fingerprint_.data(), digest.data(), fingerprint_octets);
    }

    Result<std::string> seal(std::string_view secret, std::string_view context) override {
        std::string nonce(nonce_octets, '\0');
        randombytes_buf(nonce.data(), nonce.size());
        std::string cipher(secret.size() + tag_octets, '\0');
        unsigned long long length = 0;
        crypto_aead_xchacha20poly1305_ietf_encrypt(unsigned_octets(cipher), &length, unsigned_octets(secret),
                                                   secret.size(), unsigned_octets(context), context.size(), nullptr,
                                                   unsigned_octets(nonce), key_.octets());
        return std::string(sealed_prefix) + encode_base64(fingerprint_ + nonce + cipher);
    }

    Result<std::string> open(std::string_view sealed, std::string_view context) override {
        const auto damaged = [&] {
            return failure(ErrorKind::invalid, fmt::format("the sealed secret of \"{}\" is damaged", context));
        };
        if (!sealed.starts_with(sealed_prefix)) return damaged();
        const auto octets = decode_base64(sealed.substr(sealed_prefix.size()));
        if (!octets.has_value() || octets->size() < fingerprint_octets + nonce_octets + tag_octets) return damaged();
        if (!octets->starts_with(fingerprint_))
            return failure(ErrorKind::refused,
                           fmt::format("the secret of \"{}\" was sealed with another master key", context));
        const std::string_view nonce = std::string_view(*octets).substr(fingerprint_octets, nonce_octets);
        const std::string_view cipher = std::string_view(*octets).substr(fingerprint_octets + nonce_octets);
        std::string secret(cipher.size() - tag_octets, '\0');
        unsigned long long length = 0;
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(unsigned_octets(secret), &length, nullptr,
                                                       unsigned_octets(cipher), cipher.size(), unsigned_octets(context),
                                                       context.size(), unsigned_octets(nonce), key_.octets()) != 0)
            return damaged();
        return secret;
    }

 private:
    MasterKey key_;
    std::string fingerprint_;
};

std::unexpected<Error> system_failure(std::string_view what, const std::string& path) {
    const int problem = errno;
    const ErrorKind kind = problem == EACCES || problem == EPERM    ? ErrorKind::refused
                           : problem == ENOSPC || problem == EDQUOT ? ErrorKind::full
                                                                    : ErrorKind::io;
    return failure(
        kind, fmt::format("the master key {} cannot be {}: {}", path, what, std::generic_category().message(problem)));
}

Result<void> write_all(int descriptor, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return system_failure("written", path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

// Written beside and linked into place, so that a crash leaves no half of a key, of two who start at once one wins, and
// a key that is there is never replaced. The name beside is random: what a crash has left there must not be in the way
// of the next start, and process ids repeat (in a container they are always the same).
Result<void> make_file(const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const std::string fresh = fmt::format("{}.{:08x}{:08x}", path, randombytes_random(), randombytes_random());
    const FileDescriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return system_failure("made", path);
    std::string octets(key_octets, '\0');
    randombytes_buf(octets.data(), octets.size());
    std::string line = std::string(file_prefix) + encode_base64(octets) + "\n";
    auto written = write_all(file.get(), line, path);
    wipe(octets);
    wipe(line);
    struct stat owner{};
    if (written.has_value() && ::geteuid() == 0 && ::stat(folder.empty() ? "." : folder.c_str(), &owner) == 0 &&
        ::fchown(file.get(), owner.st_uid, owner.st_gid) != 0)
        written = system_failure("given to its user", path);
    if (written.has_value() && ::fsync(file.get()) != 0) written = system_failure("written", path);
    if (written.has_value() && ::link(fresh.c_str(), path.c_str()) != 0 && errno != EEXIST)
        written = system_failure("made", path);
    ::unlink(fresh.c_str());
    RELEVO_CHECK(std::move(written));
    const FileDescriptor place(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!place || ::fsync(place.get()) != 0) return system_failure("written", path);
    return {};
}

Result<MasterKey> read_file(const FileDescriptor& file, const std::string& path) {
    struct stat facts{};
    if (::fstat(file.get(), &facts) != 0) return system_failure("read", path);
    // Readable by a group is how systemd hands out credentials; by everybody is a leak.
    if (!S_ISREG(facts.st_mode) || (facts.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0)
        return failure(ErrorKind::refused,
                       fmt::format("the master key {} has mode {:04o}: others could read or change it; chmod 600 it, "
                                   "and if they had access, rotate all DKIM keys",
                                   path, facts.st_mode & 07777U));
    std::string text(file_limit_octets, '\0');
    const auto length = ::read(file.get(), text.data(), text.size());
    if (length < 0) return system_failure("read", path);
    const std::string_view line = trimmed(std::string_view(text).substr(0, static_cast<std::size_t>(length)));
    auto octets = line.starts_with(file_prefix) ? decode_base64(line.substr(file_prefix.size())) : decode_base64("!");
    const bool fits = octets.has_value() && octets->size() == key_octets;
    auto key = fits ? MasterKey::of(*octets)
                    : Result<MasterKey>(
                          failure(ErrorKind::invalid, fmt::format("{} is not a master key of Relevo: restore it from a "
                                                                  "backup",
                                                                  path)));
    if (octets.has_value()) wipe(*octets);
    wipe(text);
    return key;
}

}  // namespace

Result<std::unique_ptr<KeyVault>> open_file_key_vault(const std::string& path, MissingMasterKey missing) {
    if (sodium_init() < 0) return failure(ErrorKind::internal, "libsodium does not start: no source of randomness");
    const auto open = [&] { return FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); };
    FileDescriptor file = open();
    if (!file && errno == ENOENT) {
        if (missing == MissingMasterKey::refuse)
            return failure(ErrorKind::not_found,
                           fmt::format("the master key {} is missing, but the store holds DKIM keys that are sealed "
                                       "with it: restore it from a backup; if it is lost for good, run `relevo dkim "
                                       "forget --all`, and new keys are made",
                                       path));
        RELEVO_CHECK(make_file(path));
        FileDescriptor made = open();
        if (!made) return system_failure("read", path);
        RELEVO_TRY(MasterKey key, read_file(made, path));
        return std::make_unique<FileKeyVault>(std::move(key));
    }
    if (!file) return system_failure("read", path);
    RELEVO_TRY(MasterKey key, read_file(file, path));
    return std::make_unique<FileKeyVault>(std::move(key));
}

}  // namespace relevo

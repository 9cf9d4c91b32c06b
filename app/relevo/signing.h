// What signing mail needs in a process: the vault, who makes keys, and the keys that sign.
#pragma once

#include "app/configuration/configuration.h"
#include "core/ports/key_vault.h"
#include "core/ports/log.h"
#include "core/signing/key_keeper.h"
#include "core/signing/key_maker.h"
#include "core/signing/key_ring.h"
#include "core/signing/message_signer.h"
#include "core/signing/rotation.h"

#include <atomic>
#include <memory>
#include <string>

namespace relevo {

[[nodiscard]] RotationOptions rotation_options(const SigningSettings& settings);
[[nodiscard]] KeyKeeperOptions key_keeper_options(const Configuration& configuration);
// signing.service_domain as it is compared and signed with: A-labels.
[[nodiscard]] std::string service_domain(const SigningSettings& settings);

// Opens the vault at the master key of the configuration; makes one if nothing was sealed so far. Errors: those of
// open_file_key_vault().
[[nodiscard]] Result<std::unique_ptr<KeyVault>> open_vault(const Configuration& configuration,
                                                           std::int64_t sealed_keys);

// Threads: load() on the reader's; signer() any; the rest before the shards start.
class Signing {
 public:
    Signing(std::unique_ptr<KeyVault> vault, const SigningSettings& settings, Metrics& metrics, Log& log)
        : vault_(std::move(vault)),
          service_domain_(service_domain(settings)),
          log_(log),
          signer_metrics_(metrics),
          signer_([this] { return ring_.load(); }, signer_metrics_, log, settings.signature_lifetime) {}

    [[nodiscard]] KeyVault& vault() { return *vault_; }
    [[nodiscard]] KeyMaker& maker() { return maker_; }
    [[nodiscard]] MessageSigner& signer() { return signer_; }
    // Opens the keys that sign now. Keys that do not open are told in the log; all others sign. Errors: refused – the
    // master key is another one than that of the keys.
    Result<void> load(Reader& reader);

 private:
    std::unique_ptr<KeyVault> vault_;
    std::string service_domain_;
    Log& log_;
    KeyMaker maker_;
    std::atomic<std::shared_ptr<const KeyRing>> ring_ = std::make_shared<const KeyRing>();
    SignerMetrics signer_metrics_;
    MessageSigner signer_;
};

}  // namespace relevo

#include "app/relevo/signing.h"

#include "adapters/vault/file_key_vault.h"
#include "core/tenancy/administration.h"

#include <fmt/format.h>

namespace relevo {

RotationOptions rotation_options(const SigningSettings& settings) {
    RotationOptions options;
    options.algorithms.clear();
    for (const SigningKeyKind kind : settings.algorithms)
        options.algorithms.push_back(kind == SigningKeyKind::rsa ? mailauth::SigningAlgorithm::rsa_sha256
                                                                 : mailauth::SigningAlgorithm::ed25519_sha256);
    options.interval = settings.rotation_interval;
    options.keep_published = settings.keep_published;
    return options;
}

KeyKeeperOptions key_keeper_options(const Configuration& configuration) {
    KeyKeeperOptions options;
    options.rotation = rotation_options(configuration.signing);
    options.service_domain = service_domain(configuration.signing);
    options.dns_timeout = configuration.dns.timeout;
    return options;
}

std::string service_domain(const SigningSettings& settings) {
    return settings.service_domain.empty()
               ? std::string()
               : comparable_domain(settings.service_domain).value_or(settings.service_domain);
}

Result<std::unique_ptr<KeyVault>> open_vault(const Configuration& configuration, std::int64_t sealed_keys) {
    return open_file_key_vault(configuration.master_key_file(),
                               sealed_keys > 0 ? MissingMasterKey::refuse : MissingMasterKey::make);
}

Result<void> Signing::load(Reader& reader) {
    std::vector<std::string> problems;
    const auto before = ring_.load();
    auto fresh = KeyRing::load(reader, *vault_, service_domain_, before.get(), problems);
    if (!fresh.has_value() && fresh.error().kind == ErrorKind::refused)
        return failure(
            ErrorKind::refused,
            fmt::format("{}: restore the master key that belongs to this store, or run `relevo dkim forget --all`, "
                        "and new keys are made",
                        fresh.error().detail));
    if (!fresh.has_value()) return std::unexpected(std::move(fresh).error());
    for (const std::string& problem : problems) log_.error("dkim.key_damaged", {{"problem", problem}});
    ring_ = *std::move(fresh);
    return {};
}

}  // namespace relevo

// A vault for tests: keeps the secrets and hands out numbers.
#pragma once

#include "core/ports/key_vault.h"

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace relevo {

// Threads: any.
class MemoryKeyVault final : public KeyVault {
 public:
    Result<std::string> seal(std::string_view secret, std::string_view context) override {
        const std::lock_guard lock(mutex_);
        std::string sealed = "sealed-" + std::to_string(secrets_.size());
        secrets_.emplace(sealed, std::pair(std::string(context), std::string(secret)));
        return sealed;
    }
    Result<std::string> open(std::string_view sealed, std::string_view context) override {
        const std::lock_guard lock(mutex_);
        const auto found = secrets_.find(sealed);
        if (found == secrets_.end() || found->second.first != context)
            return failure(ErrorKind::invalid, "there is no such secret of \"" + std::string(context) + "\"");
        return found->second.second;
    }

 private:
    std::mutex mutex_;
    std::map<std::string, std::pair<std::string, std::string>, std::less<>> secrets_;
};

}  // namespace relevo

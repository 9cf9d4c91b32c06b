#include "core/certificates/challenge_board.h"

namespace relevo {

void ChallengeBoard::put(std::string token, std::string key_authorization) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(std::move(token), std::move(key_authorization));
}

void ChallengeBoard::remove(const std::string& token) {
    const std::lock_guard lock(mutex_);
    answers_.erase(token);
}

std::optional<std::string> ChallengeBoard::answer_to(std::string_view path) const {
    if (!path.starts_with(path_prefix)) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(path.substr(path_prefix.size()));
    if (found == answers_.end()) return std::nullopt;
    return found->second;
}

}  // namespace relevo

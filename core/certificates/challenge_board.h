// The answers of http-01 (RFC 8555 §8.3), for the web listeners of all shards.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace relevo {

// Threads: any.
class ChallengeBoard {
 public:
    static constexpr std::string_view path_prefix = "/.well-known/acme-challenge/";

    void put(std::string token, std::string key_authorization);
    void remove(const std::string& token);
    // What is to be answered to this path; nothing if nobody waits for it.
    [[nodiscard]] std::optional<std::string> answer_to(std::string_view path) const;

 private:
    mutable std::mutex mutex_;
    std::map<std::string, std::string, std::less<>> answers_;
};

}  // namespace relevo

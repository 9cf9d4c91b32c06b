// Keys that encrypt session tickets (RFC 5077 §4): a new one every twelve hours, the last two still open old tickets.
#pragma once

#include "core/ports/task.h"

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace relevo::net {

inline constexpr std::chrono::hours ticket_key_life{12};

// Threads: any.
class TicketKeys {
 public:
    struct Key {
        std::array<std::uint8_t, 16> name;
        std::array<std::uint8_t, 32> cipher;
        std::array<std::uint8_t, 32> authentication;
        Clock::time_point made;
    };
    ~TicketKeys();
    // The key for new tickets; nothing if there is no randomness.
    [[nodiscard]] std::optional<Key> current(Clock::time_point now);
    // The key of a ticket, if it is still known.
    [[nodiscard]] std::optional<Key> find(const std::uint8_t* name);

    // Makes `context` use these keys, which must live as long as connections made from it. Takes its app_data.
    void install(SSL_CTX& context);

 private:
    std::mutex mutex_;
    std::vector<Key> keys_;  // newest first
};

}  // namespace relevo::net

// What was said on the wire, for people: "C: MAIL FROM:<a@b>", "S: 250 2.1.0 Ok". Secrets and content stay out.
#pragma once

#include "lib/base/octets.h"
#include "lib/smtp/reply.h"

#include <string>
#include <string_view>

namespace relevo::smtp {

// At most 16 KiB: of a longer conversation the beginning and the end are kept, for the end says how it went.
class Transcript {
 public:
    static constexpr std::size_t limit_octets = 16 * 1024;

    void add_command(std::string_view line);
    void add_content(Octets octets);
    void add_reply(const Reply& reply);
    void add_secret_reply(const Reply& reply);  // a challenge: only its code
    // Everything so far, lines ended by LF; empties it.
    [[nodiscard]] std::string take();

 private:
    void add_line(char who, std::string_view line);

    std::string beginning_;
    std::string end_;  // only once the beginning is full
    bool shortened_ = false;
};

}  // namespace relevo::smtp

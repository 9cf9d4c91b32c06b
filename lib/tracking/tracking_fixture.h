// Messages for the tests, and what is in them.
#pragma once

#include "lib/tracking/rewrite.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace relevo::tracking::test {

inline std::string html_message(std::string_view body, std::string_view encoding = "7bit",
                                std::string_view charset = "utf-8", std::string_view more = {}) {
    return fmt::format(
        "From: a@example.com\r\nSubject: x\r\n{}MIME-Version: 1.0\r\nContent-Type: text/html; charset={}\r\n"
        "Content-Transfer-Encoding: {}\r\n\r\n{}",
        more, charset, encoding, body);
}

inline constexpr std::string_view image_url = "https://t.example/o/IMAGE";

// Links become https://t.example/c/NUMBER; `targets` takes where they led.
inline RewriteRequest everything(std::vector<std::string>* targets = nullptr) {
    return {.link =
                [targets](std::size_t number, const std::string& target) {
                    if (targets != nullptr) targets->push_back(target);
                    return fmt::format("https://t.example/c/{}", number);
                },
            .image = std::string(image_url),
            .signs_for = {}};
}
inline RewriteRequest links_alone(std::vector<std::string>* targets = nullptr) {
    RewriteRequest request = everything(targets);
    request.image.clear();
    return request;
}

inline constexpr std::string_view image_tag =
    R"(<img src="https://t.example/o/IMAGE" width="1" height="1" alt="" style="border:0;width:1px;height:1px">)";

inline std::string body_of(const std::string& message) { return message.substr(message.find("\r\n\r\n") + 4); }

inline std::size_t longest_line(std::string_view text) {
    std::size_t longest = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find("\r\n"), text.size());
        longest = std::max(longest, end);
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return longest;
}

}  // namespace relevo::tracking::test

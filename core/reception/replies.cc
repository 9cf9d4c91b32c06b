#include "core/reception/replies.h"

#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::replies {

smtp::Reply too_many_connections() {
    return {421, smtp::EnhancedStatus{4, 3, 2}, "Too many connections to this server: try again in a minute"};
}

smtp::Reply too_many_connections_from_address(std::uint32_t limit) {
    return {
        421, smtp::EnhancedStatus{4, 7, 0},
        fmt::format(
            "Too many connections from your address: at most {} at once; close some or send more messages over each",
            limit)};
}

smtp::Reply timed_out(std::string_view what) {
    return {421, smtp::EnhancedStatus{4, 4, 2}, fmt::format("Closing the connection: {}", what)};
}

smtp::Reply shutting_down() {
    return {421, smtp::EnhancedStatus{4, 3, 2}, "The server is stopping: try again in a minute"};
}

smtp::Reply mechanism_failed(std::string_view problem) {
    return {501, smtp::EnhancedStatus{5, 5, 2},
            fmt::format("The login could not be understood ({}): choose another authentication method in your client, "
                        "such as PLAIN",
                        printable(problem, 200))};
}

smtp::Reply send_content() { return {250, smtp::EnhancedStatus{2, 0, 0}, "Go ahead"}; }

smtp::Reply queued(std::string_view id, std::size_t suppressed, std::size_t recipients) {
    if (suppressed > 0)
        return {250, smtp::EnhancedStatus{2, 0, 0},
                fmt::format("Ok: queued as {}, without {} of {} recipients, on the suppression list", id, suppressed,
                            recipients)};
    return {250, smtp::EnhancedStatus{2, 0, 0}, fmt::format("Ok: queued as {}", id)};
}

smtp::Reply feedback_taken(std::string_view id) {
    return {250, smtp::EnhancedStatus{2, 0, 0}, fmt::format("Ok: read, about {}", id)};
}

smtp::Reply feedback_too_large(Octets limit) {
    return {552, smtp::EnhancedStatus{5, 3, 4},
            fmt::format("A return path takes at most {} octets: send the headers of what came back", limit)};
}

smtp::Reply header_too_large(std::string_view problem) {
    return {552, smtp::EnhancedStatus{5, 3, 4},
            fmt::format("The header section is too large ({}): send fewer or shorter header fields",
                        printable(problem, 200))};
}

smtp::Reply too_many_hops(std::size_t limit) {
    return {554, smtp::EnhancedStatus{5, 4, 6},
            fmt::format("Mail loop: the message has passed more than {} servers (Received fields); look for two "
                        "servers that forward to each other",
                        limit)};
}

smtp::Reply not_stored(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::full:
            return {452, smtp::EnhancedStatus{4, 3, 1},
                    "Not enough disk space: the message was not taken, send it again later"};
        case ErrorKind::limit:
            return {451, smtp::EnhancedStatus{4, 3, 2},
                    "Too much is waiting to be stored: the message was not taken, send it again in a moment"};
        default:
            return {451, smtp::EnhancedStatus{4, 3, 0},
                    "The message could not be stored safely and was not taken: send it again later"};
    }
}

}  // namespace relevo::replies

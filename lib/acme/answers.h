// What an authority says (RFC 8555 §7.1): JSON of a stranger, within bounds, as values.
#pragma once

#include "lib/base/https_url.h"
#include "lib/base/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::acme {

inline constexpr std::size_t answer_limit_octets = 64UL * 1024;

// RFC 8555 §7.1.1. All have the origin of the directory's own address.
struct Directory {
    std::string new_nonce;
    std::string new_account;
    std::string new_order;
    std::string renewal_info;  // RFC 9773 §3; "" if it is not offered
    std::string terms;         // meta.termsOfService: for people; "" if there are none
    bool needs_external_account = false;
};

enum class Status : std::uint8_t { pending, ready, processing, valid, invalid };  // the others mean `invalid` to us
[[nodiscard]] std::string_view name_of(Status status);

// A problem document (RFC 7807, RFC 8555 §6.7). Texts are a stranger's, cut and printable.
struct Problem {
    std::string type;    // without "urn:ietf:params:acme:error:": "rateLimited"
    std::string detail;  // at most 500 octets
};

struct Order {
    Status status = Status::pending;
    std::vector<std::string> authorizations;  // at least one
    std::string finalize;
    std::string certificate;  // "" until it is valid
    std::optional<Problem> error;
};

struct Challenge {
    std::string type;  // "http-01"
    std::string url;
    std::string token;  // base64url, up to 256 letters
    Status status = Status::pending;
    std::optional<Problem> error;
};

struct Authorization {
    Status status = Status::pending;
    std::string name;
    std::vector<Challenge> challenges;  // at most 20; those of types that have no token or address are left out
};

// `home` is the directory's address. Errors of all: invalid, limit – the text says what is wrong with the answer.
[[nodiscard]] Result<Directory> parse_directory(std::string_view body, const HttpsUrl& home);
[[nodiscard]] Result<Order> parse_order(std::string_view body, const HttpsUrl& home);
[[nodiscard]] Result<Authorization> parse_authorization(std::string_view body, const HttpsUrl& home);
// Anything that is none becomes a problem without a type.
[[nodiscard]] Problem parse_problem(std::string_view body);
// An address in a header field, such as Location. Errors: invalid.
[[nodiscard]] Result<std::string> checked_address(std::string_view text, const HttpsUrl& home);
// Retry-After (RFC 9110 §10.2.3), seconds or a date, at most a week; nothing if it is neither.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                                    std::chrono::system_clock::time_point now);

}  // namespace relevo::acme

// How an expected failure travels: as a value. Exceptions stay inside a module; no port lets one out.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace relevo {

// What the caller can do about a failure; the text in Error::detail is for the person who must act.
enum class ErrorKind : std::uint8_t {
    invalid,      // the input is not what the grammar or the schema allows
    not_found,    // no such thing
    conflict,     // it exists already, or changed meanwhile
    limit,        // a stated bound was reached (size, count, rate)
    full,         // no room: disk, quota, descriptors
    io,           // a device or the operating system failed
    damaged,      // what is stored is not what was written: it stays so until a person acts
    timeout,      // a deadline passed
    closed,       // the peer ended the connection
    cancelled,    // we ended it: shutdown or a deadline further up
    refused,      // not allowed
    unsupported,  // understood, but not offered
    temporary,    // somebody else's fault; trying again later may work
    internal,     // a bug of ours
};

[[nodiscard]] std::string_view name_of(ErrorKind kind);

struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string detail;
};

[[nodiscard]] inline std::unexpected<Error> failure(ErrorKind kind, std::string detail) {
    return std::unexpected<Error>(Error{kind, std::move(detail)});
}

template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
    using std::expected<T, Error>::expected;
};

}  // namespace relevo

#define RELEVO_CONCAT_(a, b) a##b
#define RELEVO_CONCAT(a, b) RELEVO_CONCAT_(a, b)
#define RELEVO_TRY_(result, return_word, declaration, ...)                           \
    auto result = (__VA_ARGS__);                                                     \
    if (!result.has_value()) return_word std::unexpected(std::move(result).error()); \
    declaration = std::move(result).value()

// Declares (or assigns) from a Result, or returns its error:  RELEVO_TRY(auto address, parse_address(text));
#define RELEVO_TRY(declaration, ...) RELEVO_TRY_(RELEVO_CONCAT(result_, __LINE__), return, declaration, __VA_ARGS__)
// The same for a coroutine.
#define RELEVO_CO_TRY(declaration, ...) \
    RELEVO_TRY_(RELEVO_CONCAT(result_, __LINE__), co_return, declaration, __VA_ARGS__)

// Returns the error of a Result<void>, if it holds one.
#define RELEVO_CHECK_(result, return_word, ...) \
    if (auto result = (__VA_ARGS__); !result.has_value()) return_word std::unexpected(std::move(result).error())
#define RELEVO_CHECK(...) RELEVO_CHECK_(RELEVO_CONCAT(result_, __LINE__), return, __VA_ARGS__)
#define RELEVO_CO_CHECK(...) RELEVO_CHECK_(RELEVO_CONCAT(result_, __LINE__), co_return, __VA_ARGS__)

// SHA-256 over octets that stream in, and the one OpenSSL object behind it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;
struct evp_md_st;

namespace relevo::mailauth {

inline constexpr std::size_t sha256_octets = 32;

// OpenSSL's SHA-256, looked up once in the life of the process: a look-up for each message costs as much as hashing it.
// Never null; aborts if OpenSSL has no SHA-256, with which nothing here could work.
[[nodiscard]] const evp_md_st* sha256_algorithm();

// Threads: none. Movable.
class Sha256 {
 public:
    Sha256();
    void update(std::string_view octets);
    // The 32 octets; afterwards the object is as new and may hash the next thing without any allocation.
    [[nodiscard]] std::string finish();

 private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

[[nodiscard]] std::string sha256_of(std::string_view octets);

}  // namespace relevo::mailauth

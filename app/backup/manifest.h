// What one backup consists of: docs/formats/backups.md.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::backup {

using BlockHash = std::array<unsigned char, 32>;  // BLAKE2b
[[nodiscard]] BlockHash hash_of(std::string_view octets);

inline constexpr Octets longest_block_octets = 1 * mebibyte;

// Where a piece of a file lies in the backup.
struct Block {
    std::uint32_t pack = 0;
    Octets offset = 0;
    Octets length = 0;  // 1..longest_block_octets
    BlockHash hash{};
    friend bool operator==(const Block&, const Block&) = default;
};

enum class Place : std::uint8_t {
    store,          // in data_dir; the name is one component
    configuration,  // elsewhere; the name is an absolute path
};

struct BackedUpFile {
    std::string name;
    Place place = Place::store;
    Octets size = 0;           // the sum of its blocks
    Octets block_octets = 0;   // of every block but the last one
    std::int64_t changed = 0;  // nanoseconds since 1970 when it was last written to; 0: while it was read, perhaps
    std::uint64_t inode = 0;
    std::vector<Block> blocks;
    friend bool operator==(const BackedUpFile&, const BackedUpFile&) = default;
};

struct Manifest {
    std::chrono::sys_time<std::chrono::milliseconds> made_at;  // of the moment that it shows
    std::string version;                                       // of Relevo
    std::string host_name;
    std::string data_dir;
    std::int64_t messages = 0, recipients = 0;  // that waited
    std::vector<BackedUpFile> files;
    friend bool operator==(const Manifest&, const Manifest&) = default;
};

// One line of JSON and one with its checksum.
[[nodiscard]] std::string text_of(const Manifest& manifest);
// Names and sizes are within their bounds, the sizes agree. Errors: invalid – cut short, changed, or something else.
// unsupported – of a newer Relevo. limit – over 1 GiB.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

}  // namespace relevo::backup

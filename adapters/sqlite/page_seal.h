// Checksums of database pages: SQLite has none, and takes a page in which a bit was turned for what was written.
#pragma once

#include "lib/base/octets.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace relevo::sqlite {

// What each page keeps free for its seal at its end, SQLite's "reserved space" (https://sqlite.org/fileformat2.html
// §1.3.4): the number of the page, then CRC32C of all before, 4 octets each, the highest first.
inline constexpr std::size_t page_seal_octets = 8;

// `number` counts from 1.
void seal_page(std::span<std::byte> page, std::uint32_t number);
// Is it as it was sealed, and where it was? False for one that never was.
[[nodiscard]] bool is_page_whole(std::span<const std::byte> page, std::uint32_t number);

// What a file tells of its pages.
inline constexpr std::size_t file_header_octets = 100;
inline constexpr std::size_t largest_page_octets = 65'536;

// The size of the pages of a file that begins with these octets, if they are sealed; 0 if they are not, or if it is no
// database. `first` should be the first page or more of it; a header that says that there are no seals, on a page that
// bears one, is damaged: then they are sealed.
[[nodiscard]] std::size_t size_of_sealed_pages(std::span<const std::byte> first);

}  // namespace relevo::sqlite

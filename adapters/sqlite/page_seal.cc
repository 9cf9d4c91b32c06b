#include "adapters/sqlite/page_seal.h"

#include "lib/base/crc32c.h"

#include <bit>

namespace relevo::sqlite {
namespace {

constexpr std::size_t page_size_at = 16;  // two octets; 1 stands for 65,536
constexpr std::size_t reserved_at = 20;
constexpr std::size_t smallest_page_octets = 512;

std::uint32_t number_at(std::span<const std::byte> octets, std::size_t at) {
    std::uint32_t number = 0;
    for (const std::byte octet : octets.subspan(at, 4)) number = number << 8 | std::to_integer<std::uint32_t>(octet);
    return number;
}

void put_number(std::span<std::byte> octets, std::size_t at, std::uint32_t number) {
    for (std::size_t i = 0; i < 4; ++i) octets[at + i] = static_cast<std::byte>(number >> (24 - 8 * i));
}

std::size_t page_size_of(std::span<const std::byte> header) {
    const auto size = std::to_integer<std::size_t>(header[page_size_at]) << 8 |
                      std::to_integer<std::size_t>(header[page_size_at + 1]);
    if (size == 1) return largest_page_octets;
    return size >= smallest_page_octets && std::has_single_bit(size) ? size : 0;
}

}  // namespace

void seal_page(std::span<std::byte> page, std::uint32_t number) {
    put_number(page, page.size() - 8, number);
    put_number(page, page.size() - 4, crc32c(as_text(page.first(page.size() - 4))));
}

bool is_page_whole(std::span<const std::byte> page, std::uint32_t number) {
    return number_at(page, page.size() - 8) == number &&
           number_at(page, page.size() - 4) == crc32c(as_text(page.first(page.size() - 4)));
}

std::size_t size_of_sealed_pages(std::span<const std::byte> first) {
    if (first.size() < file_header_octets) return 0;
    const std::size_t size = page_size_of(first);
    if (size == 0) return 0;
    const bool says_so = std::to_integer<std::size_t>(first[reserved_at]) == page_seal_octets;
    return says_so || (first.size() >= size && number_at(first, size - 8) == 1) ? size : 0;
}

}  // namespace relevo::sqlite

// A manifest comes from a disk that anybody may have written to: never a crash, no name that leads out of its folder,
// no sizes that disagree, and what is read is written the same. Security row R16.
#include "app/backup/manifest.h"

#include <cstdlib>

namespace {

using namespace relevo::backup;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(std::string_view text) {
    const auto manifest = parse_manifest(text);
    if (!manifest.has_value()) {
        require(!manifest.error().detail.empty());
        return;
    }
    for (const BackedUpFile& file : manifest->files) {
        require(file.name.find('\0') == std::string::npos && !file.name.ends_with("/.."));
        require(file.place == Place::configuration || file.name.find('/') == std::string::npos);
        relevo::Octets sum = 0;
        for (const Block& block : file.blocks) {
            require(block.length > 0 && block.length <= longest_block_octets);
            sum += block.length;
        }
        require(sum == file.size);
    }
    const auto again = parse_manifest(text_of(*manifest));
    require(again.has_value() && *again == *manifest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check(text);
    // Nobody guesses the checksum: with the right one the content is read.
    if (const auto end = text.find('\n'); end != std::string_view::npos) {
        const std::string_view content = text.substr(0, end + 1);
        std::string whole(content);
        whole += "blake2b ";
        for (const unsigned char octet : hash_of(content)) {
            constexpr std::string_view digits = "0123456789abcdef";
            whole += digits[octet >> 4];
            whole += digits[octet & 15];
        }
        check(whole + "\n");
    }
    return 0;
}

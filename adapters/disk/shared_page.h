// A small file in memory that the kernel keeps when the process dies: what was stored is there at the next start, and
// no store waits for the disk. A power cut may lose all of it or any page.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace relevo {

// Threads: the octets are the caller's to share.
class SharedPage {
 public:
    // Opens the file, makes it if there is none, and gives it that size with room on the disk, so that no store can
    // fail for lack of it. New octets are zero. Errors: full; refused; io – text names the file.
    [[nodiscard]] static Result<std::unique_ptr<SharedPage>> open(const std::string& path, Octets size);
    ~SharedPage();
    SharedPage(const SharedPage&) = delete;
    SharedPage& operator=(const SharedPage&) = delete;

    [[nodiscard]] std::span<std::byte> octets() const { return octets_; }

 private:
    explicit SharedPage(std::span<std::byte> octets) : octets_(octets) {}
    std::span<std::byte> octets_;
};

}  // namespace relevo

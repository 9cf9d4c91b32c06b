// A descriptor of the operating system that closes itself: the one piece that adapters share, which may not include
// each other. Nothing in core holds one.
#pragma once

#include <unistd.h>
#include <utility>

namespace relevo {

// Owns a descriptor; closes it. Threads: none.
class FileDescriptor {
 public:
    FileDescriptor() = default;
    explicit FileDescriptor(int number) : number_(number) {}
    FileDescriptor(FileDescriptor&& other) noexcept : number_(other.release()) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~FileDescriptor() { reset(); }

    [[nodiscard]] int get() const { return number_; }
    [[nodiscard]] int release() { return std::exchange(number_, -1); }
    void reset(int number = -1) {
        if (number_ >= 0) ::close(number_);
        number_ = number;
    }
    explicit operator bool() const { return number_ >= 0; }

 private:
    int number_ = -1;
};

}  // namespace relevo

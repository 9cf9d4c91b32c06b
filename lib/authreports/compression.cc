#include "lib/authreports/compression.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cstdlib>
#include <memory>
#include <zlib.h>

namespace relevo::authreports {
namespace {

constexpr int gzip_window = 16 + MAX_WBITS;  // zlib: with the header of gzip
constexpr std::size_t chunk_octets = 64 * kibibyte;
constexpr int entry_limit = 10;

bool is_gzip(std::string_view octets) { return octets.starts_with("\x1F\x8B"); }
bool is_zip(std::string_view octets) { return octets.starts_with("PK\x03\x04"); }

// Grows by chunks and stops at the bounds.
class Output {
 public:
    Output(std::size_t in, UnpackBounds bounds)
        : limit_(std::min<Octets>(bounds.out, std::max<Octets>(mebibyte, Octets{in} * bounds.ratio))) {}
    Result<void> append(std::string_view octets) {
        if (octets.size() > limit_ - text_.size())
            return failure(ErrorKind::limit, "unpacks to more than " + std::to_string(limit_) + " octets");
        text_ += octets;
        return {};
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

 private:
    Octets limit_;
    std::string text_;
};

struct Inflater {
    z_stream stream{};
    bool is_ready = inflateInit2(&stream, gzip_window) == Z_OK;
    Inflater() = default;
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { (void)inflateEnd(&stream); }
};

// zlib's interface takes no const pointers; it does not write through next_in.
Bytef* mutable_octets(std::string_view octets) {
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(octets.data()));
}

Result<std::string> gunzip(std::string_view octets, UnpackBounds bounds) {
    Inflater inflater;
    if (!inflater.is_ready) return failure(ErrorKind::internal, "zlib has no memory");
    Output output(octets.size(), bounds);
    std::array<char, chunk_octets> chunk;
    z_stream& stream = inflater.stream;
    stream.next_in = mutable_octets(octets);
    stream.avail_in = static_cast<uInt>(octets.size());
    while (true) {
        stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
        stream.avail_out = chunk_octets;
        const int status = inflate(&stream, Z_NO_FLUSH);
        RELEVO_CHECK(output.append({chunk.data(), chunk_octets - stream.avail_out}));
        if (status == Z_STREAM_END) {
            const std::string_view rest = octets.substr(octets.size() - stream.avail_in);
            if (!is_gzip(rest)) return output.take();
            (void)inflateReset(&stream);
        } else if (status != Z_OK) {
            return failure(ErrorKind::invalid,
                           status == Z_BUF_ERROR ? "the gzip file is cut off" : "the gzip file is broken");
        }
    }
}

struct FreeArchive {
    void operator()(archive* one) const { (void)archive_read_free(one); }
};

std::string why(archive* zip) {
    const char* text = archive_error_string(zip);
    return std::string("the zip file is broken") + (text != nullptr ? std::string(": ") + text : std::string());
}

Result<std::string> read_entry(archive* zip, std::size_t in, UnpackBounds bounds) {
    Output output(in, bounds);
    std::string chunk(chunk_octets, '\0');
    while (true) {
        const la_ssize_t size = archive_read_data(zip, chunk.data(), chunk.size());
        if (size < 0) return failure(ErrorKind::invalid, why(zip));
        if (size == 0) return output.take();
        RELEVO_CHECK(output.append({chunk.data(), static_cast<std::size_t>(size)}));
    }
}

Result<std::string> unzip(std::string_view octets, UnpackBounds bounds) {
    const std::unique_ptr<archive, FreeArchive> zip(archive_read_new());
    if (!zip || archive_read_support_format_zip(zip.get()) != ARCHIVE_OK ||
        archive_read_open_memory(zip.get(), octets.data(), octets.size()) != ARCHIVE_OK)
        return failure(ErrorKind::invalid, "the zip file cannot be opened");
    for (int count = 0; count < entry_limit; ++count) {
        archive_entry* entry = nullptr;
        const int status = archive_read_next_header(zip.get(), &entry);
        if (status == ARCHIVE_EOF) break;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return failure(ErrorKind::invalid, why(zip.get()));
        if (archive_entry_is_encrypted(entry) != 0) return failure(ErrorKind::unsupported, "the zip file is encrypted");
        if (archive_entry_filetype(entry) != AE_IFREG) continue;
        RELEVO_TRY(std::string content, read_entry(zip.get(), octets.size(), bounds));
        if (!content.empty()) return content;
    }
    return failure(ErrorKind::invalid, "the zip file holds nothing");
}

}  // namespace

Result<std::string> unpack(std::string_view octets, UnpackBounds bounds) {
    if (octets.size() > bounds.in)
        return failure(ErrorKind::limit, "a file of " + std::to_string(octets.size()) + " octets, " +
                                             std::to_string(bounds.in) + " are read at most");
    std::string content(octets);
    for (unsigned layer = 0; is_gzip(content) || is_zip(content); ++layer) {
        if (layer == bounds.layers)
            return failure(ErrorKind::limit, "packed more than " + std::to_string(layer) + " times");
        RELEVO_TRY(content, is_gzip(content) ? gunzip(content, bounds) : unzip(content, bounds));
    }
    return content;
}

std::string gzip(std::string_view octets) {
    z_stream stream{};
    // These fail only for want of memory, as any allocation may.
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
    std::string packed(deflateBound(&stream, octets.size()), '\0');
    stream.next_in = mutable_octets(octets);
    stream.avail_in = static_cast<uInt>(octets.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const int status = deflate(&stream, Z_FINISH);
    packed.resize(packed.size() - stream.avail_out);
    (void)deflateEnd(&stream);
    if (status != Z_STREAM_END) std::abort();  // deflateBound() promised the room
    return packed;
}

}  // namespace relevo::authreports

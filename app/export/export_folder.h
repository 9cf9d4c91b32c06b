// The folder that an export is written into: docs/formats/export.md.
#pragma once

#include "core/ports/file_descriptor.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <sodium.h>

#include <set>
#include <string>
#include <string_view>

namespace relevo::exporting {

// One file, written from its beginning to its end. Threads: one.
class ExportFile {
 public:
    Result<void> write(std::string_view octets);
    // Errors: full, io. Afterwards its checksum is known to the folder.
    Result<void> finish();

 private:
    friend class ExportFolder;
    ExportFile(std::string path, std::string name, FileDescriptor file, class ExportFolder& folder);
    Result<void> flush();

    std::string path_, name_;  // for people; within the folder
    FileDescriptor file_;
    class ExportFolder& folder_;
    std::string buffer_;
    crypto_hash_sha256_state hash_{};
};

// Nothing of it counts before publish(): until then the files are in FOLDER.unfinished, which goes away with this
// object. Folders have mode 0700, files 0600. Threads: one.
class ExportFolder {
 public:
    // Errors: conflict – `path` holds something, or another export to it is under way or was interrupted. refused, io.
    [[nodiscard]] static Result<ExportFolder> open(const std::string& path);
    ~ExportFolder();
    ExportFolder(ExportFolder&& other) noexcept;
    ExportFolder(const ExportFolder&) = delete;
    ExportFolder& operator=(const ExportFolder&) = delete;

    // `name`: of our own making, "events.jsonl"; with one "/" for a file in a folder of it.
    [[nodiscard]] Result<ExportFile> file(const std::string& name);
    // With SHA256SUMS, durable when it returns.
    [[nodiscard]] Result<void> publish();

 private:
    friend class ExportFile;
    explicit ExportFolder(std::string path) : path_(std::move(path)), unfinished_(path_ + ".unfinished") {}

    std::string path_, unfinished_;
    bool is_open_ = false;  // `unfinished_` is ours
    std::set<std::string> folders_;
    std::string sums_;  // not written yet
    FileDescriptor sums_file_;
    Result<void> add_sum(std::string_view digits, std::string_view name);
    Result<void> write_sums();
};

}  // namespace relevo::exporting

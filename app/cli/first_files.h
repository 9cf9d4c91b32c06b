// Files and folders of a server that does not exist yet, for the user that it will run as.
#pragma once

#include "lib/base/result.h"

#include <string>
#include <sys/types.h>

namespace relevo::cli {

// Nothing is ever written over something else.
class FirstFiles {
 public:
    // `user`: empty: stay who we are. Errors: not_found – the detail says how to make that user.
    [[nodiscard]] static Result<FirstFiles> of_user(const std::string& user, const std::string& data_dir);

    // Writes the configuration to `path`; if there is a file, to `path` with ".new" at its end. Returns where it went.
    // Errors: conflict – that one is there too. io.
    [[nodiscard]] Result<std::string> write_configuration(const std::string& path, const std::string& text) const;
    // A file that only the user may read. Errors: conflict – there is one. io.
    [[nodiscard]] Result<void> write_secret(const std::string& path, const std::string& text) const;
    [[nodiscard]] Result<void> make_folder(const std::string& folder, mode_t mode) const;
    // So that the store's files belong to the user that the server runs as.
    [[nodiscard]] Result<void> become_user() const;

 private:
    enum class Owner : bool { ourselves, user };
    bool create(const std::string& path, const std::string& text, mode_t mode, Owner owner) const;

    std::string user_;
    uid_t user_id_ = 0;  // 0: stay who we are
    gid_t group_id_ = 0;
};

}  // namespace relevo::cli

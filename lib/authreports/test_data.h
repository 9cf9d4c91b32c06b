// The public suites of reports, for tests.
#pragma once

#include "lib/base/text.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace relevo::authreports {

// `source_folder`: RELEVO_SOURCE_DIR.
inline std::string test_data_folder(const std::string& source_folder) {
    const char* folder = std::getenv("RELEVO_TESTDATA");
    return folder != nullptr ? folder : source_folder + "/../shared/testdata";
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// All files below a folder of the suites but licences and expected results; none if the data is missing.
inline std::vector<std::filesystem::path> files_of(const std::string& source_folder, const std::string& suite) {
    std::vector<std::filesystem::path> files;
    std::error_code missing;
    const std::string folder = test_data_folder(source_folder) + "/" + suite;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, missing))
        if (entry.is_regular_file() && entry.path().string().find("LICENSES") == std::string::npos)
            files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

// "TrustedForwarder" and "trusted_forwarder" alike.
inline std::string letters_of(std::string_view text) {
    std::string letters = to_lower(text);
    std::erase_if(letters, [](char c) { return !is_alpha(c); });
    return letters;
}

}  // namespace relevo::authreports

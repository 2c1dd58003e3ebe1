// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace chexworld::cli {

struct InputFile {
  std::filesystem::path path;
  std::string name;  ///< file name, or the path below the folder it was found in
};

/// Files as they are; folders with all that lies below them and looks like a DICOM object (by name or by its first
/// bytes) or a PNG or JPEG picture (by name), sorted by path. Throws Failure(kNotFound).
std::vector<InputFile> list_files(const std::vector<std::filesystem::path>& paths);

}  // namespace chexworld::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/file_list.h"

#include "base/failure.h"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace chexworld::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::streamoff kPrefixAt = 128;  // PS3.10 section 7.1

bool has_dicom_prefix(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  char prefix[4] = {};
  return file.seekg(kPrefixAt) && file.read(prefix, sizeof prefix) && std::memcmp(prefix, "DICM", sizeof prefix) == 0;
}

bool looks_like_a_film(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  for (const char* known : {".dcm", ".dicom", ".png", ".jpg", ".jpeg"})
    if (extension == known) return true;
  return has_dicom_prefix(path);
}

std::vector<InputFile> files_below(const fs::path& folder) {
  std::vector<InputFile> files;
  const auto options = fs::directory_options::skip_permission_denied;
  for (const auto& entry : fs::recursive_directory_iterator(folder, options))
    if (entry.is_regular_file() && looks_like_a_film(entry.path()))
      files.push_back({entry.path(), entry.path().lexically_relative(folder).string()});
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

}  // namespace

std::vector<InputFile> list_files(const std::vector<fs::path>& paths) {
  std::vector<InputFile> files;
  for (const fs::path& path : paths) {
    if (!fs::exists(path)) fail(ErrorCode::kNotFound, path.string() + " does not exist");
    if (!fs::is_directory(path)) {
      files.push_back({path, path.filename().string()});
      continue;
    }
    std::vector<InputFile> below = files_below(path);
    std::move(below.begin(), below.end(), std::back_inserter(files));
  }
  return files;
}

}  // namespace chexworld::cli

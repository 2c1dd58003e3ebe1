// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chexworld/bundle.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// A bundle that is kept.
struct KeptModel {
  BundleInfo info;
  std::filesystem::path path;
  std::uint64_t size_bytes = 0;
};

/// The folder of bundles, one file "MODEL-ID.safetensors" each, whole or not at all. Thread safe. Errors: throws
/// Failure.
///
/// A file whose content does not have the id of its name, or is no bundle, is left alone and listed nowhere.
class ModelLibrary {
 public:
  /// Makes the folder if need be and looks what is there; reads every bundle once.
  explicit ModelLibrary(std::filesystem::path folder);

  std::vector<KeptModel> list() const;  ///< by id
  /// kNotFound.
  KeptModel find(const std::string& model_id) const;
  bool has(const std::string& model_id) const;

  /// Checks a bundle (format, configuration, tensors) and keeps a copy; keeping the same again changes nothing.
  /// kConflict where `expected_id` (may be empty) is another.
  KeptModel keep_copy(const std::filesystem::path& bundle, std::string_view expected_id = {});
  /// The same for a file on the same file system that nobody else needs: it is renamed into place.
  KeptModel keep(const std::filesystem::path& bundle, std::string_view expected_id = {});
  /// kNotFound.
  void remove(const std::string& model_id);

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path path_of(const std::string& model_id) const;
  KeptModel remember(const BundleInfo& info);

  const std::filesystem::path folder_;
  mutable std::mutex mutex_;
  std::map<std::string, KeptModel> models_;  // guarded by mutex_
};

/// Whether this can be a model id: 64 lower-case hexadecimal digits.
bool is_model_id(std::string_view text);

}  // namespace chexworld

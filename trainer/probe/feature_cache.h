// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "trainer/archive/archive.h"

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace chexworld {

/// Features of films by the films' pixels, of one model and choice of features: a safetensors file (docs/formats.md).
/// A file that is no such cache is an error; one that is missing is an empty cache. Not thread safe.
class FeatureCache {
 public:
  /// `folder` empty: nothing is ever found or written. Throws Failure(kMalformed) naming the file.
  FeatureCache(const std::filesystem::path& folder, const std::string& model_id, const std::string& choice,
               std::size_t columns);

  /// Empty where it is not there.
  std::span<const float> find(const ArchiveDigest& content) const;
  void add(const ArchiveDigest& content, std::span<const float> features);
  /// Writes what has been added, atomically, if anything has.
  void save();

  const std::filesystem::path& path() const { return path_; }

 private:
  void read();

  std::filesystem::path path_;
  std::string model_id_, choice_;
  std::size_t columns_;
  std::map<ArchiveDigest, std::size_t> rows_;
  std::vector<float> values_;  // f32[rows,columns]
  bool changed_ = false;
};

}  // namespace chexworld

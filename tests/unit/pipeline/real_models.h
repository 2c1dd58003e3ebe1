// SPDX-License-Identifier: Apache-2.0
//
// Small bundles and films, and what each bundle says about each film, computed without the pipeline.
#pragma once

#include "support/temporary_folder.h"
#include "unit/infer/random_bundle.h"

#include <chexworld/pipeline.h>

#include <map>
#include <string>
#include <vector>

namespace chexworld::test {

/// Options that make results comparable: f32, one thread.
PipelineOptions plain_options();

/// DICOM files that differ.
std::vector<std::vector<std::byte>> made_films(int count);

class RealModels {
 public:
  /// `count` bundles of this shape; every third one prepares its pictures differently.
  RealModels(int count, const EncoderShape& shape, int films);

  const std::filesystem::path& path(std::size_t model) const { return paths_[model]; }
  const std::string& id(std::size_t model) const { return ids_[model]; }
  std::size_t count() const { return paths_.size(); }
  const std::vector<std::vector<std::byte>>& films() const { return films_; }

  PipelineItem item(std::size_t film) const;
  /// Whether the outcome has the embedding that the model it names gives for the film it is about.
  bool is_right(const PipelineOutcome& outcome) const;

  TemporaryFolder folder;

 private:
  std::vector<std::filesystem::path> paths_;
  std::vector<std::string> ids_;
  std::vector<std::vector<std::byte>> films_;
  std::map<std::string, std::vector<std::vector<float>>> expected_;  // by model id, then film
};

}  // namespace chexworld::test

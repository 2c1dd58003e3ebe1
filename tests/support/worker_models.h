// SPDX-License-Identifier: Apache-2.0
//
// Small models and films for a running worker, and what each model says about each film, computed without it.
#pragma once

#include "support/dicom_shell.h"
#include "support/temporary_folder.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld::test {

/// The film's SOP Instance UID and study; ten films make a study.
std::string film_uid(int film);
std::string film_study_uid(int film);
/// A DICOM chest radiograph, a different one for each number; with a patient of this id.
std::string film_bytes(int film, const std::string& patient_id = "");
/// A DICOM object that the gate skips.
std::string other_modality_bytes();

class WorkerModels {
 public:
  /// Every third one prepares its pictures differently. `embedding_of` knows films below `films`.
  explicit WorkerModels(int count, int films = 0, unsigned seed = 1);

  const std::filesystem::path& path(std::size_t model) const { return paths_[model]; }
  const std::string& id(std::size_t model) const { return ids_[model]; }
  std::size_t count() const { return paths_.size(); }
  /// Largest difference to what this model makes of this film, relative to its largest value.
  double difference(const std::string& model_id, int film, const std::vector<float>& embedding) const;

 private:
  TemporaryFolder folder_;
  std::vector<std::filesystem::path> paths_;
  std::vector<std::string> ids_;
  std::map<std::string, std::vector<std::vector<float>>> expected_;  // by model id, then film
};

}  // namespace chexworld::test

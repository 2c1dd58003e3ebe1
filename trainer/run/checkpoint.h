// SPDX-License-Identifier: Apache-2.0
//
// Everything a run needs to go on as if it had never stopped. All random choices are functions of seed and position,
// so weights, optimiser and the number of updates are the whole state (docs/formats.md).
#pragma once

#include "image/content_area.h"
#include "trainer/run/pretrain_config.h"
#include "worldmodel/adamw.h"
#include "worldmodel/world_model.h"

#include <filesystem>
#include <optional>

namespace chexworld {

struct TrainingProgress {
  std::int64_t updates = 0;  ///< done
  std::int64_t skipped = 0;  ///< of them, because the gradient was not finite
  std::int64_t skipped_in_a_row = 0;
  double seconds = 0;             ///< of training, over all parts of the run
  std::optional<double> best;     ///< value by which the best checkpoint was chosen; higher is better
  std::string films_fingerprint;  ///< of the films trained on and their order
};

/// What is in a checkpoint beside tensors.
struct CheckpointHeader {
  PretrainConfig config;
  TrainingProgress progress;
  TrimOptions trim{true, true};  ///< of the archive's films: a bundle made later trims alike
};

/// Writes it whole or not at all. Throws Failure (as write_file_atomically) naming the file, how much room it needs and
/// what to do.
void write_checkpoint(const std::filesystem::path& path, const CheckpointHeader& header, const WorldModel& model,
                      const AdamW& optimizer);

/// Throws Failure(kMalformed, kUnsupported, kNotFound) naming the file.
CheckpointHeader read_checkpoint_header(const std::filesystem::path& path);
/// Fills model and optimizer of a run with the header's configuration.
void load_checkpoint(const std::filesystem::path& path, WorldModel& model, AdamW& optimizer);

/// The networks alone.
void load_model(const std::filesystem::path& path, WorldModel& model);

/// `place` itself where it is a file; else the newest checkpoint of the run in this folder. Throws Failure(kNotFound).
std::filesystem::path find_checkpoint(const std::filesystem::path& place);

/// The checkpoints of one run: the last `keep` by number of updates, and the best.
class CheckpointFolder {
 public:
  /// `folder` is made when the first checkpoint is written.
  CheckpointFolder(std::filesystem::path folder, std::int64_t keep) : folder_(std::move(folder)), keep_(keep) {}

  /// Where a run in `run` keeps its checkpoints.
  static std::filesystem::path of_run(const std::filesystem::path& run) { return run / "checkpoints"; }

  std::filesystem::path path_of(std::int64_t updates) const;
  std::filesystem::path best() const { return folder_ / "best.safetensors"; }
  /// The one with most updates that opens; nothing where there is none.
  std::optional<std::filesystem::path> newest() const;

  /// Writes, then removes what is no longer kept. `is_best`: best() becomes this one too.
  void save(const CheckpointHeader& header, const WorldModel& model, const AdamW& optimizer, bool is_best);

 private:
  std::vector<std::filesystem::path> all() const;
  void remove_leftovers() const;

  std::filesystem::path folder_;
  std::int64_t keep_;
};

}  // namespace chexworld

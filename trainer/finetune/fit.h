// SPDX-License-Identifier: Apache-2.0
//
// The loop of fine-tuning, whatever is tuned: epochs of updates, a look at the validation films after each, the best
// weights in the end.
#pragma once

#include "nn/module.h"
#include "trainer/finetune/fit_config.h"
#include "worldmodel/parameter_groups.h"

#include <functional>
#include <map>
#include <string>

namespace chexworld {

/// How good the model is on films that it does not train on.
struct Validation {
  double value = 0;  ///< what epochs are compared by, higher is better
  std::map<std::string, double> numbers;
};

/// What fit() needs to know of a model and its films. Not thread safe.
class FitTask {
 public:
  virtual ~FitTask() = default;
  virtual Module& model() = 0;
  virtual std::vector<ParameterGroup> groups() = 0;
  virtual std::int64_t batches_per_epoch() const = 0;
  virtual std::int64_t films_per_batch() const = 0;
  /// The loss of the next batch, with its graph.
  virtual at::Tensor next_loss() = 0;
  virtual Validation validate() = 0;
};

struct EpochRecord {
  std::int64_t epoch = 0, epochs = 0;  ///< from 1
  double loss = 0;                     ///< mean over the epoch
  double gradient_norm = 0;            ///< the last one, before clipping
  double learning_rate = 0;            ///< the last one
  double films_per_second = 0;         ///< in training
  double seconds = 0;                  ///< since the beginning
  std::int64_t skipped = 0;            ///< updates whose gradient was not finite
  Validation validation;
};
Json to_json(const EpochRecord& record);

struct FitOutcome {
  bool stopped = false;         ///< somebody said so; the model is as it was then
  std::int64_t best_epoch = 0;  ///< whose weights the model has now
  Validation best;
  double seconds = 0;
};

/// AdamW, linear warm-up, cosine. `stop` is asked before every update. The same seed gives the same weights on the same
/// number of threads. Throws Failure(kInternal) where the gradient is not finite many times in a row.
FitOutcome fit(FitTask& task, const FitConfig& config, std::uint64_t seed,
               const std::function<void(const EpochRecord&)>& tell, const std::function<bool()>& stop);

}  // namespace chexworld

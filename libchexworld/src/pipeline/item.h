// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "image/prepare.h"

#include <chexworld/pipeline.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

namespace chexworld {

using Moment = std::chrono::steady_clock::time_point;

inline double milliseconds_between(Moment from, Moment to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

/// How far an item has come.
enum class ItemStage {
  kWaiting,  ///< for a decoder
  kDecoding,
  kPrepared,  ///< waits for inference
  kInference,
  kFinished,  ///< has its outcome
  kStoring,   ///< the sink has it
  kStored,    ///< may be answered
};

/// An item on its way. Guarded by the scheduler's mutex, but for the stage's own worker, who has it to himself.
struct Item {
  PipelineItem input;
  OutcomeCallback callback;
  std::size_t bytes = 0;  ///< of its content
  PipelineOutcome outcome;
  ItemStage stage = ItemStage::kWaiting;
  bool cancelled = false;

  std::shared_ptr<const PreparationRecipe> recipe;  ///< that `pixels` follow; none: they came as they are
  std::vector<float> pixels;                        ///< f32[C,S,S]

  Moment submitted_at, waiting_since, prepared_at, computed_at;
  std::uint64_t prepared_order = 0;

  std::atomic<bool> answered = false;
};
using ItemPointer = std::shared_ptr<Item>;

/// Bytes that an item's content occupies; 0 for a path.
std::size_t content_bytes(const PipelineItem& item);

/// Throws Failure(kInvalidArgument) for a picture whose size does not fit its pixels.
void require_content(const PipelineItem& item);

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
//
// A model that is ready to serve, and how one comes from a file.
#pragma once

#include "image/prepare.h"

#include <chexworld/pipeline.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// What an encoder says about a batch; kept and used again, so that nothing is allocated per batch.
struct EncodedBatch {
  std::vector<float> embedding;   ///< f32[B,D]
  std::vector<float> normalized;  ///< f32[B,D]
  std::vector<float> patches;     ///< f32[B,N,D] where asked for
  std::vector<float> findings;    ///< f32[B,K]
};

/// Immutable: run() may be called from several threads at once.
class BatchEncoder {
 public:
  virtual ~BatchEncoder() = default;
  /// images f32[batch,C,S,S], batch >= 1. Throws Failure.
  virtual void run(std::span<const float> images, std::int64_t batch, bool with_patches, EncodedBatch& to) const = 0;
};

struct LoadedModel {
  PipelineModel facts;
  /// Shared with the items prepared by it, which do not keep the model alive.
  std::shared_ptr<const PreparationRecipe> recipe;
  std::vector<Finding> findings;       ///< names and thresholds
  std::optional<BundleDomain> domain;  ///< of the findings; none: every film is answered
  std::unique_ptr<const BatchEncoder> encoder;

  std::size_t image_values() const {
    return std::size_t(facts.engine.channels * facts.engine.image_size * facts.engine.image_size);
  }
};
using ModelPointer = std::shared_ptr<const LoadedModel>;

class ModelLoader {
 public:
  virtual ~ModelLoader() = default;
  /// Verified, and warm. `expected_id` may be empty. Throws Failure.
  virtual ModelPointer load(const std::filesystem::path& bundle, std::string_view expected_id) = 0;
};

}  // namespace chexworld

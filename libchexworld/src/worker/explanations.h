// SPDX-License-Identifier: Apache-2.0
//
// Where in a picture a finding comes from, for the model that answers.
#pragma once

#include "base/config.h"
#include "infer/heat_map.h"
#include "sandbox/decoder.h"

#include <chexworld/pipeline.h>

#include <memory>
#include <mutex>
#include <optional>

namespace chexworld {

/// What explaining takes besides the engine. Immutable.
struct ExplainedModel {
  std::string model_id;
  PreparationRecipe recipe;
  BundleHead head;
  std::optional<BundleDomain> domain;  ///< none: every film is answered
  std::unique_ptr<const FindingsHead> findings;

  /// Reads the bundle. Throws Failure: kNotFound where the model has no findings.
  ExplainedModel(const PipelineModel& model);

  /// Why the head gives no answer for a film prepared with `recipe`; nothing where it does.
  std::optional<Abstention> abstention_from(const PreparedRadiograph& film) const;
};

/// The parts of the model that was asked for last. Thread safe.
class Explanations {
 public:
  std::shared_ptr<const ExplainedModel> of(const PipelineModel& model);

 private:
  std::mutex mutex_;
  std::shared_ptr<const ExplainedModel> last_;  // guarded by mutex_
};

/// "grid" {shape, data}, "kind", "logit", ...; docs/rest.md describes every field.
Json to_json(const HeatMap& map, const std::optional<Abstention>& abstained);
Json to_json(const ViewWindow& window);

/// The film with the map over it, as PNG.
std::vector<std::byte> heat_map_png(const GrayImage& film, const ViewWindow& window, const HeatMap& map);

}  // namespace chexworld

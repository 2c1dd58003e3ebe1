// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/model.h"

#include <atomic>
#include <string>
#include <vector>

namespace chexworld {

/// Loads bundles into engines. The first load finds the number of streams where it is not given, and all later ones
/// keep it. Not thread safe.
class BundleLoader final : public ModelLoader {
 public:
  /// `streams` 0: to be measured.
  BundleLoader(const EngineOptions& engine, int streams);

  ModelPointer load(const std::filesystem::path& bundle, std::string_view expected_id) override;
  int streams() const { return streams_; }

 private:
  Engine load_engine(const std::filesystem::path& bundle, int streams) const;
  Engine load_fastest(const std::filesystem::path& bundle);
  void warm(const Engine& engine) const;

  const EngineOptions options_;  // threads: of all streams together
  int streams_;
  std::string remark_;
};

/// The bundle's recipe, made to fit another image size where the options ask for one. Throws Failure(kMalformed) where
/// it prepares another size than the encoder takes.
PreparationRecipe recipe_for(const std::filesystem::path& bundle, const Json& preprocessing, std::int64_t trained_size,
                             std::int64_t image_size);

}  // namespace chexworld

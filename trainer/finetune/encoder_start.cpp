// SPDX-License-Identifier: Apache-2.0
#include "trainer/finetune/encoder_start.h"

#include "base/failure.h"
#include "bundle/bundle.h"
#include "nn/encoder_config.h"
#include "nn/transfer.h"

#include <cmath>

namespace chexworld {
namespace {

/// The bundle's recipe for another side and the archive's margins.
PreparationRecipe fitted_recipe(const BundleConfig& config, std::int64_t side, const TrimOptions& trim,
                                const std::string& where) {
  PreparationRecipe recipe = recipe_from_json(config.preprocessing, where + ": preprocessing");
  if (recipe.side() != int(side)) {
    recipe.size.resize = int(std::lround(double(recipe.size.resize) * double(side) / recipe.size.crop));
    recipe.size.crop = int(side);
  }
  recipe.trim = trim;
  require_possible(recipe);
  return recipe;
}

/// Tensors of their own: the file is closed afterwards.
State owned(const State& state) {
  State copies;
  for (const auto& [name, tensor] : state) copies[name] = tensor.to(at::kFloat, false, true);
  return copies;
}

}  // namespace

PreparationRecipe EncoderStart::recipe_for_archive() const {
  PreparationRecipe trimmed = recipe;
  trimmed.trim = {};
  return trimmed;
}

EncoderStart read_encoder_start(const std::filesystem::path& path, bool from_scratch, const FitConfig& config,
                                const TrimOptions& trim) {
  const Bundle bundle = Bundle::open(path);
  EncoderStart start;
  start.encoder = resized(encoder_config_of(bundle.config().encoder), config);
  start.recipe = fitted_recipe(bundle.config(), start.encoder.image_size, trim, path.string());
  start.model_id = bundle.model_id();
  if (from_scratch) return start;
  start.weights = owned(adapted_encoder_state(state_of(bundle.encoder()), start.encoder));
  start.licence = bundle.config().licence;
  return start;
}

void load_start(const EncoderStart& start, VisionTransformer& encoder) {
  if (start.from_scratch()) return;
  const LoadReport report = load_matching(encoder, start.weights);
  for (const std::string& name : report.missing)
    if (!name.starts_with("norm."))
      fail(ErrorCode::kMalformed, "the bundle that fine-tuning starts from lacks encoder." + name);
}

}  // namespace chexworld

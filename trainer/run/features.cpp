// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/features.h"

#include "base/failure.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <cmath>
#include <cstring>

namespace chexworld {
namespace {

constexpr std::size_t kChunk = 32;

at::Tensor prepared_films(const Archive& archive, std::span<const std::int64_t> films,
                          const PreparationRecipe& recipe) {
  const std::int64_t side = recipe.side();
  at::Tensor images = at::empty({std::int64_t(films.size()), 3, side, side}, at::kFloat);
  float* target = images.mutable_data_ptr<float>();
  for (const std::int64_t film : films) {
    const std::vector<float> image = prepare(archive.film(film), recipe);
    target = std::copy(image.begin(), image.end(), target);
  }
  return images;
}

}  // namespace

PreparationRecipe evaluation_recipe(std::int64_t image_size, const TrimOptions& trim) {
  PreparationRecipe recipe;
  recipe.trim = trim;
  recipe.size.crop = int(image_size);
  recipe.size.resize = int((image_size * 256 + 112) / 224);
  require_possible(recipe);
  return recipe;
}

at::Tensor film_features(const VisionTransformer& encoder, const Archive& archive,
                         const std::vector<std::int64_t>& films) {
  const c10::NoGradGuard no_gradient;
  const PreparationRecipe recipe = evaluation_recipe(encoder.config().image_size, {});  // trimmed already
  const at::Device device = encoder.state().front().tensor.device();
  std::vector<at::Tensor> features;
  for (std::size_t begin = 0; begin < films.size(); begin += kChunk) {
    const auto chunk = std::span(films).subspan(begin, std::min(kChunk, films.size() - begin));
    features.push_back(encoder.pooled(prepared_films(archive, chunk, recipe).to(device)).cpu());
  }
  return at::cat(features);
}

FeatureHealth feature_health(const at::Tensor& features) {
  if (features.dim() != 2 || features.size(0) < 2) fail(ErrorCode::kInvalidArgument, "feature health needs two films");
  const at::Tensor rows = features.to(at::kDouble);
  const at::Tensor scaled = rows / rows.norm(2, {1}, true).clamp_min(1e-12) * std::sqrt(double(rows.size(1)));
  const at::Tensor singular = at::linalg_svdvals(rows - rows.mean(0));
  const at::Tensor share = singular / singular.sum().clamp_min(1e-300);
  const at::Tensor entropy = -(share * share.clamp_min(1e-300).log()).sum();
  return {scaled.std(0, false).mean().item<double>(), entropy.exp().item<double>()};
}

std::string collapse_warning(const FeatureHealth& now, const FeatureHealth& first) {
  char text[200];
  if (now.deviation < 0.005 || now.deviation < 0.1 * first.deviation) {
    std::snprintf(text, sizeof text, "the features collapse: their deviation over films is %.4f (%.4f at the start)",
                  now.deviation, first.deviation);
    return text;
  }
  if (now.effective_rank - 1 < 0.2 * (first.effective_rank - 1)) {
    std::snprintf(text, sizeof text, "the features collapse: their effective rank is %.1f (%.1f at the start)",
                  now.effective_rank, first.effective_rank);
    return text;
  }
  return "";
}

}  // namespace chexworld

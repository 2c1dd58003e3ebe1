// SPDX-License-Identifier: Apache-2.0
#include "trainer/probe/encode.h"

#include "base/failure.h"
#include "bundle/bundle.h"
#include "image/prepare.h"
#include "nn/encoder_config.h"
#include "nn/heads.h"
#include "nn/state.h"
#include "trainer/probe/feature_cache.h"

#include <algorithm>
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

namespace chexworld {
namespace {

using at::Tensor;

HeadKind head_kind_of(BundleHead::Kind kind) {
  switch (kind) {
    case BundleHead::Kind::kLinear: return HeadKind::kLinear;
    case BundleHead::Kind::kNormLinear: return HeadKind::kNormLinear;
    case BundleHead::Kind::kAttentive: return HeadKind::kAttentive;
    case BundleHead::Kind::kMlp: return HeadKind::kMlp;
  }
  fail(ErrorCode::kInternal, "unknown kind of head");
}

HeadConfig head_config_of(const BundleHead& head) {
  HeadConfig config;
  config.kind = head_kind_of(head.kind);
  config.classes = std::int64_t(head.labels.size());
  config.attention_heads = head.attention_heads;
  return config;
}

/// The final norm is the head's where that is "norm_fc".
bool has_final_norm(const BundleConfig& config) {
  return !config.head || config.head->kind != BundleHead::Kind::kNormLinear;
}

void make_ready(Module& module, const at::Device& device) {
  module.train(false);
  module.freeze();
  module.to(device);
}

std::unique_ptr<VisionTransformer> encoder_of(const Bundle& bundle, const at::Device& device) {
  auto encoder = std::make_unique<VisionTransformer>(encoder_config_of(bundle.config().encoder),
                                                     EncoderOptions{{}, has_final_norm(bundle.config())});
  load_exactly(*encoder, state_of(bundle.encoder()), bundle.file().origin());
  make_ready(*encoder, device);
  return encoder;
}

std::unique_ptr<Classifier> classifier_of(const Bundle& bundle, const at::Device& device) {
  const BundleConfig& config = bundle.config();
  if (!config.head)
    fail(ErrorCode::kInvalidArgument, bundle.file().origin() +
                                          " has no head, so it gives no findings (`finetune` and "
                                          "`probe --save-head` make bundles with one)");
  auto classifier = std::make_unique<Classifier>(encoder_config_of(config.encoder), head_config_of(*config.head));
  State state = state_of(bundle.head());
  for (auto& [name, tensor] : state_of(bundle.encoder())) state["feature_model." + name] = tensor;
  load_exactly(*classifier, state, bundle.file().origin());
  make_ready(*classifier, device);
  return classifier;
}

/// f32[N,D] per film and layer to one row per film.
Tensor features_of(const VisionTransformer& encoder, const Tensor& images, const FeatureChoice& choice) {
  switch (choice.kind) {
    case FeatureChoice::Kind::kMean: return encoder.pooled(images);
    case FeatureChoice::Kind::kMeanDeviation: {
      const Tensor tokens = encoder.tokens(images);
      return at::cat({tokens.mean(1), tokens.std(1, false)}, 1);
    }
    case FeatureChoice::Kind::kLayers: {
      std::vector<Tensor> means;
      for (const Tensor& tokens : encoder.layers(images)) means.push_back(tokens.mean(1));
      return at::cat(means, 1);
    }
    case FeatureChoice::Kind::kGrid: break;
  }
  const std::int64_t grid = encoder.config().grid();
  const Tensor fields = encoder.tokens(images).transpose(1, 2).unflatten(2, at::IntArrayRef({grid, grid}));
  return at::adaptive_avg_pool2d(fields, {choice.grid, choice.grid}).flatten(2).transpose(1, 2).flatten(1);
}

std::size_t columns_of(const EncoderConfig& config, const FeatureChoice& choice) {
  switch (choice.kind) {
    case FeatureChoice::Kind::kMean: return std::size_t(config.width);
    case FeatureChoice::Kind::kMeanDeviation: return std::size_t(2 * config.width);
    case FeatureChoice::Kind::kLayers: return std::size_t(config.depth * config.width);
    case FeatureChoice::Kind::kGrid: break;
  }
  if (choice.grid > config.grid())
    fail(ErrorCode::kInvalidArgument, "features grid:" + std::to_string(choice.grid) +
                                          " need at least as many patches; the "
                                          "encoder has " +
                                          std::to_string(config.grid()) + " x " + std::to_string(config.grid()));
  return std::size_t(choice.grid * choice.grid * config.width);
}

PreparationRecipe recipe_of(const Bundle& bundle) {
  PreparationRecipe recipe =
      recipe_from_json(bundle.config().preprocessing, bundle.file().origin() + ": preprocessing");
  recipe.trim = {false, false};
  return recipe;
}

/// f32[B,3,S,S]
Tensor images_of(const Archive& archive, std::span<const std::int64_t> films, const PreparationRecipe& recipe) {
  const std::int64_t side = recipe.side();
  Tensor images = at::empty({std::int64_t(films.size()), 3, side, side}, at::kFloat);
  float* target = images.mutable_data_ptr<float>();
  for (const std::int64_t film : films) {
    const std::vector<float> image = prepare(archive.film(film), recipe);
    target = std::copy(image.begin(), image.end(), target);
  }
  return images;
}

std::span<const float> floats_of(const Tensor& dense) {
  return {dense.const_data_ptr<float>(), std::size_t(dense.numel())};
}

/// Rows of all films, batch by batch.
void for_batches(const Archive& archive, const std::vector<std::int64_t>& films, const PreparationRecipe& recipe,
                 const EncodeOptions& options, const std::function<Tensor(const Tensor&)>& compute,
                 const std::function<void(std::size_t first, std::span<const float> rows)>& take) {
  const c10::InferenceMode inference;
  const at::Device device(options.device);
  for (std::size_t begin = 0; begin < films.size(); begin += std::size_t(options.batch)) {
    const auto chunk = std::span(films).subspan(begin, std::min(std::size_t(options.batch), films.size() - begin));
    const Tensor rows = compute(images_of(archive, chunk, recipe).to(device)).to(at::kCPU, at::kFloat).contiguous();
    take(begin, floats_of(rows));
  }
}

}  // namespace

FeatureChoice feature_choice_from(const std::string& text) {
  using Kind = FeatureChoice::Kind;
  if (text == "mean") return {};
  if (text == "mean+std") return {Kind::kMeanDeviation};
  if (text == "layers") return {Kind::kLayers};
  if (text.starts_with("grid:") && text.size() > 5 && text.size() < 9 &&
      text.find_first_not_of("0123456789", 5) == std::string::npos && std::stoi(text.substr(5)) > 0)
    return {Kind::kGrid, std::stoi(text.substr(5))};
  fail(ErrorCode::kInvalidArgument, "features are mean, mean+std, layers or grid:K, not '" + text + "'");
}

std::string text_of(const FeatureChoice& choice) {
  switch (choice.kind) {
    case FeatureChoice::Kind::kMeanDeviation: return "mean+std";
    case FeatureChoice::Kind::kLayers: return "layers";
    case FeatureChoice::Kind::kGrid: return "grid:" + std::to_string(choice.grid);
    case FeatureChoice::Kind::kMean: break;
  }
  return "mean";
}

EncodedFilms encode_films(const std::filesystem::path& path, const Archive& archive,
                          const std::vector<std::int64_t>& films, const FeatureChoice& choice,
                          const EncodeOptions& options, const EncodeObserver& observer) {
  const Bundle bundle = Bundle::open(path);
  const std::unique_ptr<VisionTransformer> encoder = encoder_of(bundle, at::Device(options.device));
  const std::size_t columns = columns_of(encoder->config(), choice);
  FeatureCache cache(options.cache, options.cache.empty() ? "" : bundle.model_id(), text_of(choice), columns);
  EncodedFilms all{columns, std::vector<float>(films.size() * columns), 0};
  std::vector<std::int64_t> missing;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < films.size(); ++i) {
    const std::span<const float> known = cache.find(archive.content(films[i]));
    std::copy(known.begin(), known.end(), all.values.begin() + std::ptrdiff_t(i * columns));
    if (!known.empty()) continue;
    missing.push_back(films[i]);
    places.push_back(i);
  }
  all.from_cache = std::int64_t(films.size() - missing.size());
  for_batches(
      archive, missing, recipe_of(bundle), options,
      [&](const Tensor& images) { return features_of(*encoder, images, choice); },
      [&](std::size_t first, std::span<const float> rows) {
        const std::size_t count = rows.size() / columns;
        for (std::size_t i = 0; i < count; ++i) {
          const auto row = rows.subspan(i * columns, columns);
          std::copy(row.begin(), row.end(), all.values.begin() + std::ptrdiff_t(places[first + i] * columns));
          cache.add(archive.content(missing[first + i]), row);
        }
        if (observer) observer(std::int64_t(first + count), std::int64_t(missing.size()));
      });
  cache.save();
  return all;
}

EncodedFilms score_films(const std::filesystem::path& path, const Archive& archive,
                         const std::vector<std::int64_t>& films, const EncodeOptions& options,
                         const EncodeObserver& observer) {
  const Bundle bundle = Bundle::open(path);
  const std::unique_ptr<Classifier> classifier = classifier_of(bundle, at::Device(options.device));
  EncodedFilms all{bundle.config().head->labels.size(), {}, 0};
  for_batches(
      archive, films, recipe_of(bundle), options, [&](const Tensor& images) { return (*classifier)(images); },
      [&](std::size_t, std::span<const float> rows) {
        all.values.insert(all.values.end(), rows.begin(), rows.end());
        if (observer) observer(std::int64_t(all.values.size() / all.columns), std::int64_t(films.size()));
      });
  return all;
}

}  // namespace chexworld

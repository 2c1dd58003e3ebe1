// SPDX-License-Identifier: Apache-2.0
#include "real_models.h"

#include "sandbox/decoder.h"
#include "support/encoders.h"

#include <algorithm>
#include <cmath>

namespace chexworld::test {
namespace {

PreparationRecipe recipe_of(const EncoderShape& shape, bool otherwise) {
  PreparationRecipe recipe;
  recipe.size = {int(shape.image_size) + 4, int(shape.image_size)};
  if (otherwise) recipe.normalization.mean = {0.2F, 0.9F, 0.1F};
  return recipe;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

PipelineOptions plain_options() {
  PipelineOptions options;
  options.engine.precision = Precision::kF32;
  options.engine.threads = 2;
  options.streams = 2;
  return options;
}

std::vector<std::vector<std::byte>> made_films(int count) {
  std::vector<std::vector<std::byte>> films;
  for (int i = 0; i < count; ++i) {
    const Picture film = synthetic_film(240 + 40 * i, 300 - 20 * i, 12);
    films.push_back(native_file(shell_for(film), "1.2.840.10008.1.2.1", native_samples(film)));
  }
  return films;
}

RealModels::RealModels(int count, const EncoderShape& shape, int films) : films_(made_films(films)) {
  const auto decoder = make_in_process_decoder();
  for (int i = 0; i < count; ++i) {
    RandomBundle bundle(shape, {.linear = 0.1F, .norm = 0.2F}, unsigned(100 + i));
    const PreparationRecipe recipe = recipe_of(shape, i % 3 == 2);
    bundle.config.preprocessing = to_json(recipe);
    paths_.push_back(folder / ("model-" + std::to_string(i) + ".safetensors"));
    bundle.write(paths_.back());
    ids_.push_back(inspect_bundle(paths_.back()).value().model_id);
    const Engine engine = Engine::load(paths_.back(), {.precision = Precision::kF32, .threads = 1}).value();
    for (const auto& film : films_) {
      const PreparedRadiograph prepared = decoder->decode(std::span<const std::byte>(film), recipe).value();
      expected_[ids_.back()].push_back(engine.run(prepared.pixels, 1).value().embedding);
    }
  }
}

PipelineItem RealModels::item(std::size_t film) const {
  return {.content = films_[film % films_.size()], .attributes = {{"film", std::to_string(film % films_.size())}}};
}

bool RealModels::is_right(const PipelineOutcome& outcome) const {
  if (!outcome.result.ok()) return false;
  const auto film = std::size_t(std::stoi(outcome.attributes.at("film")));
  const auto found = expected_.find(outcome.result->model_id);
  if (found == expected_.end()) return false;
  const float scale = 1e-4F * std::abs(*std::max_element(found->second[film].begin(), found->second[film].end()));
  if (largest_difference(outcome.result->embedding, found->second[film]) > scale) return false;
  return std::all_of(expected_.begin(), expected_.end(), [&](const auto& other) {  // and no other model's
    return other.first == found->first ||
           largest_difference(outcome.result->embedding, other.second[film]) > 100 * scale;
  });
}

}  // namespace chexworld::test

// SPDX-License-Identifier: Apache-2.0
#include "support/worker_models.h"

#include "sandbox/decoder.h"
#include "unit/infer/random_bundle.h"
#include "unit/sandbox/made_radiograph.h"

#include <chexworld/engine.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace chexworld::test {
namespace {

std::string text_from(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

PreparationRecipe recipe_for(const EncoderShape& shape, bool otherwise) {
  PreparationRecipe recipe;
  recipe.size = {int(shape.image_size) + 4, int(shape.image_size)};
  if (otherwise) recipe.normalization.mean = {0.2F, 0.9F, 0.1F};
  return recipe;
}

}  // namespace

std::string film_uid(int film) { return "1.2.826.0.1.99." + std::to_string(film); }
std::string film_study_uid(int film) { return "1.2.826.0.1.98." + std::to_string(film / 10); }

std::string film_bytes(int film, const std::string& patient_id) {
  std::vector<std::pair<DicomTag, std::string>> patient;
  if (!patient_id.empty()) patient.emplace_back(kPatientId, patient_id);
  return text_from(made_radiograph("CR", patient, {film_uid(film), film_study_uid(film), film_study_uid(film) + ".1"},
                                   2 + film % 50));
}

std::string other_modality_bytes() { return text_from(made_radiograph("MR")); }

WorkerModels::WorkerModels(int count, int films, unsigned seed) {
  const EncoderShape shape = small_shape();
  const auto decoder = make_in_process_decoder();
  for (int i = 0; i < count; ++i) {
    RandomBundle bundle(shape, {.linear = 0.1F, .norm = 0.2F}, seed + unsigned(i));
    const PreparationRecipe recipe = recipe_for(shape, i % 3 == 2);
    bundle.config.preprocessing = to_json(recipe);
    paths_.push_back(folder_ / ("model-" + std::to_string(i) + ".safetensors"));
    bundle.write(paths_.back());
    ids_.push_back(inspect_bundle(paths_.back()).value().model_id);
    const Engine engine = Engine::load(paths_.back(), {.precision = Precision::kF32, .threads = 1}).value();
    for (int film = 0; film < films; ++film) {
      const std::string bytes = film_bytes(film);
      const auto prepared = decoder->decode(std::as_bytes(std::span(bytes)), recipe).value();
      expected_[ids_.back()].push_back(engine.run(prepared.pixels, 1).value().embedding);
    }
  }
}

double WorkerModels::difference(const std::string& model_id, int film, const std::vector<float>& embedding) const {
  const auto found = expected_.find(model_id);
  if (found == expected_.end() || found->second.at(std::size_t(film)).size() != embedding.size())
    return std::numeric_limits<double>::infinity();
  const std::vector<float>& expected = found->second[std::size_t(film)];
  double largest = 0, scale = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, double(std::abs(expected[i] - embedding[i])));
    scale = std::max(scale, double(std::abs(expected[i])));
  }
  return largest / scale;
}

}  // namespace chexworld::test

// SPDX-License-Identifier: Apache-2.0
#include "retrieval/examples.h"

#include "base/failure.h"
#include "retrieval/row_attributes.h"

#include <algorithm>
#include <type_traits>

namespace chexworld {
namespace {

constexpr std::size_t kMostHits = 1000;
constexpr std::size_t kMostExamples = 256;

StoredResult require_result(Store& store, const ModelRecord& model, const std::string& sop_instance_uid) {
  std::optional<StoredResult> found = store.result(sop_instance_uid, model.model_id);
  if (!found) fail(ErrorCode::kNotFound, "the image asked for has no result of model " + model.model_id);
  return std::move(*found);
}

std::vector<StoredResult> require_study(Store& store, const ModelRecord& model, const std::string& uid) {
  std::vector<StoredResult> images = store.study(uid, model.model_id);
  if (images.empty()) fail(ErrorCode::kNotFound, "the study asked for has no result of model " + model.model_id);
  const auto frontal = [](const StoredResult& image) { return is_frontal(image.instance.view); };
  if (std::any_of(images.begin(), images.end(), frontal))
    std::erase_if(images, [&](const StoredResult& image) { return !frontal(image); });
  return images;
}

std::vector<StoredResult> stored_images(Store& store, const ModelRecord& model, const SearchExample& example) {
  if (const auto* study = std::get_if<StudyExample>(&example))
    return require_study(store, model, study->study_instance_uid);
  if (const auto* region = std::get_if<RegionExample>(&example))
    return {require_result(store, model, region->sop_instance_uid)};
  if (const auto* instance = std::get_if<InstanceExample>(&example))
    return {require_result(store, model, instance->sop_instance_uid)};
  return {};
}

void check_vector(const VectorExample& example, const ModelRecord& model) {
  if (example.embedding.size() != model.embedding_size)
    fail(ErrorCode::kInvalidArgument, "model " + model.model_id + " has embeddings of " +
                                          std::to_string(model.embedding_size) + " values, asked for one of " +
                                          std::to_string(example.embedding.size()));
}

}  // namespace

void check(const SearchRequest& request) {
  const auto refuse = [](const char* why) { fail(ErrorCode::kInvalidArgument, why); };
  if (request.positive.empty()) refuse("a search needs a positive example: an image, a study or an embedding");
  if (request.positive.size() + request.negative.size() > kMostExamples) refuse("a search takes at most 256 examples");
  if (request.k < 1 || request.k > kMostHits) refuse("a search returns 1 to 1000 results");
  if (!(request.negative_weight >= 0 && request.negative_weight <= 1))
    refuse("the weight of negative examples lies in 0 to 1");
  if (request.best_of && !request.negative.empty()) refuse("best_of takes no negative examples");
  const auto is_region = [](const SearchExample& example) { return std::holds_alternative<RegionExample>(example); };
  const bool regions = std::any_of(request.positive.begin(), request.positive.end(), is_region) ||
                       std::any_of(request.negative.begin(), request.negative.end(), is_region);
  if (regions && (request.positive.size() != 1 || !request.negative.empty()))
    refuse("a region is the only example of its search");
}

ResolvedExamples resolve(Store& store, const ModelRecord& model, const SearchRequest& request) {
  check(request);
  ResolvedExamples found;
  const auto take = [&](const std::vector<SearchExample>& examples, bool positive) {
    std::vector<std::vector<float>>& vectors = positive ? found.positive : found.negative;
    for (const SearchExample& example : examples) {
      if (const auto* vector = std::get_if<VectorExample>(&example)) {
        check_vector(*vector, model);
        vectors.push_back(vector->embedding);
      }
      for (StoredResult& image : stored_images(store, model, example)) {
        vectors.push_back(image.result.embedding);
        found.rows.insert(image.row);
        if (!positive) continue;
        if (!image.instance.patient_key.empty()) found.patients.insert(image.instance.patient_key);
        found.studies.insert(image.instance.study_instance_uid);
        found.stored.push_back(std::move(image));
      }
    }
  };
  take(request.positive, true);
  take(request.negative, false);
  const bool one_study = request.positive.size() == 1 && request.negative.empty() &&
                         std::holds_alternative<StudyExample>(request.positive[0]);
  found.best_of = request.best_of || one_study;
  return found;
}

bool acceptable(const SearchRequest& request, const ModelRecord& model, const ResolvedExamples& examples,
                const StoredResult& stored) {
  const ResultFilter& filter = request.filter;
  const InstanceRecord& instance = stored.instance;
  if (!request.include_examples && examples.rows.contains(stored.row)) return false;
  if (filter.exclude_same_patient && examples.patients.contains(instance.patient_key)) return false;
  if (filter.exclude_same_study && examples.studies.contains(instance.study_instance_uid)) return false;
  return meets(filter, model, stored);
}

}  // namespace chexworld

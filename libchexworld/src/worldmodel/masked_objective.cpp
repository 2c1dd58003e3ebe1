// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/masked_objective.h"

#include "base/failure.h"
#include "worldmodel/predict_together.h"

namespace chexworld {

std::vector<Term> masked_terms(const WorldModel& model, const MaskedBatch& batch) {
  if (batch.target_positions.empty()) fail(ErrorCode::kInvalidArgument, "masked objective: no target blocks");
  const at::Tensor features = model.target_features(batch.images);
  const at::Tensor context = model.encoder().tokens(batch.images, {batch.context_positions});
  std::vector<PredictorInput> inputs;
  std::vector<Term> terms;
  for (const at::Tensor& positions : batch.target_positions) {
    inputs.push_back({context, batch.context_positions, positions, {}, {}});
    terms.push_back({{}, gather_tokens(features, positions)});
  }
  const std::vector<at::Tensor> predicted = predict_together(model.predictor(), inputs);
  for (std::size_t i = 0; i < terms.size(); ++i) terms[i].predicted = predicted[i];
  return terms;
}

at::Tensor masked_loss(const std::vector<Term>& terms, Distance distance) {
  std::vector<at::Tensor> predicted, target;
  for (const Term& term : terms) {
    predicted.push_back(term.predicted.flatten(0, 1));
    target.push_back(term.target.flatten(0, 1));
  }
  return distance_between(at::cat(predicted), at::cat(target), distance);
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/domain_sensitivity.h"

#include "base/failure.h"

#include <algorithm>
#include <c10/core/GradMode.h>

namespace chexworld {
namespace {

at::Tensor predict(const WorldModel& model, const DomainCandidates& candidates, std::int64_t begin,
                   std::int64_t count) {
  const at::Tensor shown = candidates.context_positions.expand({count, -1});
  const at::Tensor context = model.encoder().tokens(candidates.contexts.narrow(0, begin, count), {shown});
  return model.predictor()({context,
                            shown,
                            candidates.target_positions.expand({count, -1}),
                            candidates.actions.narrow(0, begin, count),
                            {}});
}

at::Tensor features(const WorldModel& model, const DomainCandidates& candidates, std::int64_t begin,
                    std::int64_t count) {
  return gather_tokens(model.target_features(candidates.targets.narrow(0, begin, count)),
                       candidates.target_positions.expand({count, -1}));
}

at::Tensor distances(const at::Tensor& predicted, const at::Tensor& target) {
  std::vector<at::Tensor> rows;  // row by row: n x n x Kt x D would not fit for large models
  for (std::int64_t i = 0; i < predicted.size(0); ++i)
    rows.push_back(at::linalg_vector_norm((predicted[i] - target).flatten(1), 2, at::IntArrayRef({1})));
  return at::stack(rows);
}

}  // namespace

double DomainSensitivity::recall_at(std::int64_t k) const { return (rank < k).to(at::kDouble).mean().item<double>(); }

DomainSensitivity domain_sensitivity(const WorldModel& model, const DomainCandidates& candidates, std::int64_t chunk) {
  const std::int64_t count = candidates.targets.size(0);
  if (count < 1 || chunk < 1 || candidates.contexts.size(0) != count || candidates.actions.size(0) != count)
    fail(ErrorCode::kInvalidArgument, "domain sensitivity: needs as many contexts and actions as targets");
  const c10::NoGradGuard no_gradient;
  std::vector<at::Tensor> predicted, target;
  for (std::int64_t begin = 0; begin < count; begin += chunk) {
    const std::int64_t now = std::min(chunk, count - begin);
    predicted.push_back(predict(model, candidates, begin, now));
    target.push_back(features(model, candidates, begin, now));
  }
  DomainSensitivity result{at::cat(target), at::cat(predicted), {}, {}};
  result.distance = distances(result.predicted, result.target);
  result.rank = (result.distance < result.distance.diagonal().unsqueeze(1)).sum(1);
  return result;
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/domain_sensitivity.h"

#include "base/failure.h"

#include <algorithm>
#include <c10/core/GradMode.h>
#include <functional>

namespace chexworld {
namespace {

/// Rows 0..count of what `part(begin, rows)` computes.
at::Tensor in_chunks(std::int64_t count, std::int64_t chunk,
                     const std::function<at::Tensor(std::int64_t, std::int64_t)>& part) {
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < count; begin += chunk)
    parts.push_back(part(begin, std::min(chunk, count - begin)));
  return at::cat(parts);
}

at::Tensor distances(const at::Tensor& predicted, const at::Tensor& target) {
  std::vector<at::Tensor> rows;  // row by row: n x n x Kt x D would not fit for large models
  for (std::int64_t i = 0; i < predicted.size(0); ++i)
    rows.push_back(at::linalg_vector_norm((predicted[i] - target).flatten(1), 2, at::IntArrayRef({1})));
  return at::stack(rows);
}

void require_counts(bool fit) {
  if (!fit) fail(ErrorCode::kInvalidArgument, "domain sensitivity: needs as many contexts and actions as targets");
}

}  // namespace

double DomainSensitivity::recall_at(std::int64_t k) const { return (rank < k).to(at::kDouble).mean().item<double>(); }

DomainEncodings encode_candidates(const WorldModel& model, const DomainCandidates& candidates, std::int64_t chunk) {
  const std::int64_t count = candidates.targets.size(0);
  require_counts(count > 0 && chunk > 0 && candidates.contexts.size(0) == count);
  const c10::NoGradGuard no_gradient;
  DomainEncodings encodings{{}, {}, candidates.context_positions, candidates.target_positions};
  encodings.context = in_chunks(count, chunk, [&](std::int64_t begin, std::int64_t rows) {
    return model.encoder().tokens(candidates.contexts.narrow(0, begin, rows),
                                  {candidates.context_positions.expand({rows, -1})});
  });
  encodings.target = in_chunks(count, chunk, [&](std::int64_t begin, std::int64_t rows) {
    return gather_tokens(model.target_features(candidates.targets.narrow(0, begin, rows)),
                         candidates.target_positions.expand({rows, -1}));
  });
  return encodings;
}

DomainSensitivity domain_sensitivity(const WorldModel& model, const DomainEncodings& encodings,
                                     const at::Tensor& actions, std::int64_t chunk) {
  const std::int64_t count = encodings.target.size(0);
  require_counts(count > 0 && chunk > 0 && encodings.context.size(0) == count && actions.size(0) == count);
  const c10::NoGradGuard no_gradient;
  DomainSensitivity result;
  result.target = encodings.target;
  result.predicted = in_chunks(count, chunk, [&](std::int64_t begin, std::int64_t rows) {
    return model.predictor()({encodings.context.narrow(0, begin, rows),
                              encodings.context_positions.expand({rows, -1}),
                              encodings.target_positions.expand({rows, -1}),
                              actions.narrow(0, begin, rows),
                              {}});
  });
  result.distance = distances(result.predicted, result.target);
  result.rank = (result.distance < result.distance.diagonal().unsqueeze(1)).sum(1);
  return result;
}

DomainSensitivity domain_sensitivity(const WorldModel& model, const DomainCandidates& candidates, std::int64_t chunk) {
  return domain_sensitivity(model, encode_candidates(model, candidates, chunk), candidates.actions, chunk);
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "infer/heat_map.h"

#include "base/failure.h"
#include "infer/kernels.h"

#include <cmath>

namespace chexworld {
namespace {

std::int64_t grid_side(std::int64_t patches) {
  const auto side = std::int64_t(std::lround(std::sqrt(double(patches))));
  if (patches < 1 || side * side != patches)
    fail(ErrorCode::kInvalidArgument, "heat map: " + std::to_string(patches) + " patches are no square grid");
  return side;
}

}  // namespace

std::string_view name_of(HeatMap::Kind kind) {
  return kind == HeatMap::Kind::kContribution ? "contribution" : "influence";
}

std::size_t label_named(const BundleHead& head, std::string_view finding) {
  std::string names;
  for (std::size_t k = 0; k < head.labels.size(); ++k) {
    if (head.labels[k].name == finding) return k;
    if (k < 20) names += (k == 0 ? "" : ", ") + head.labels[k].name;
  }
  fail(ErrorCode::kNotFound,
       "the model has no such finding (there are: " + names + (head.labels.size() > 20 ? ", ...)" : ")"));
}

HeatMap heat_map(const FindingsHead& findings, const BundleHead& head, std::span<const float> tokens,
                 std::int64_t patches, std::size_t label) {
  HeatMap map;
  map.grid = grid_side(patches);
  const std::size_t count = std::size_t(patches), width = tokens.size() / count, classes = head.labels.size();
  std::vector<float> mean(width), logits(classes), probabilities(classes);
  mean_of_rows(tokens.data(), count, width, mean.data());
  findings.logits(tokens.data(), patches, mean.data(), logits.data());
  to_probabilities(head, logits.data(), probabilities.data());
  map.finding = head.labels.at(label).name;
  map.threshold = head.labels[label].threshold;
  map.logit = double(logits[label]);
  map.probability = double(probabilities[label]);
  map.values.resize(count);
  if (!findings.has_contributions()) {
    map.kind = HeatMap::Kind::kInfluence;
    findings.influence(tokens.data(), patches, mean.data(), label, map.values.data());
    return map;
  }
  std::vector<float> all(classes * count);
  findings.contributions(tokens.data(), patches, mean.data(), all.data());
  std::copy_n(all.begin() + std::ptrdiff_t(label * count), count, map.values.begin());
  map.bias_share = findings.constant(label) / double(count);
  return map;
}

}  // namespace chexworld

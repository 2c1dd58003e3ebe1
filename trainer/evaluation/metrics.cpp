// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/metrics.h"

#include "base/failure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

namespace chexworld {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

void require_equally_many(std::size_t scores, std::size_t labels) {
  if (scores != labels)
    fail(ErrorCode::kInvalidArgument,
         std::to_string(scores) + " scores do not fit " + std::to_string(labels) + " labels");
}

double weight_of(Numbers weights, std::size_t i) { return weights.empty() ? 1.0 : weights[i]; }

}  // namespace

// ---- curves ----

RankedScores::RankedScores(Numbers scores, Labels labels) : order_(scores.size()) {
  require_equally_many(scores.size(), labels.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  for (std::size_t i = 0; i < order_.size(); ++i) {
    scores_.push_back(scores[order_[i]]);
    labels_.push_back(labels[order_[i]]);
    last_of_tie_.push_back(i + 1 == order_.size() || scores[order_[i]] != scores[order_[i + 1]]);
    (labels_.back() != 0 ? positives_ : negatives_) += 1;
  }
}

double RankedScores::auroc(Numbers weights) const {
  double area = 0, positives = 0, negatives = 0, tied_positives = 0, tied_negatives = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    (labels_[i] != 0 ? tied_positives : tied_negatives) += weight_of(weights, order_[i]);
    if (!last_of_tie_[i]) continue;
    area += tied_negatives * (positives + tied_positives / 2);
    positives += tied_positives;
    negatives += tied_negatives;
    tied_positives = tied_negatives = 0;
  }
  return positives > 0 && negatives > 0 ? area / (positives * negatives) : kNone;
}

double RankedScores::average_precision(Numbers weights) const {
  double sum = 0, positives = 0, films = 0, tied_positives = 0, tied = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const double weight = weight_of(weights, order_[i]);
    tied += weight;
    if (labels_[i] != 0) tied_positives += weight;
    if (!last_of_tie_[i] || tied == 0) continue;
    positives += tied_positives;
    films += tied;
    sum += tied_positives * positives / films;
    tied_positives = tied = 0;
  }
  return positives > 0 ? sum / positives : kNone;
}

std::vector<RankedScores::Point> RankedScores::points(Numbers weights) const {
  std::vector<Point> points;
  Point now{0, 0, 0};
  for (std::size_t i = 0; i < order_.size(); ++i) {
    (labels_[i] != 0 ? now.true_positives : now.false_positives) += weight_of(weights, order_[i]);
    now.score = scores_[i];
    if (last_of_tie_[i]) points.push_back(now);
  }
  return points;
}

double auroc(Numbers scores, Labels labels) {
  const double area = RankedScores(scores, labels).auroc();
  if (std::isnan(area)) fail(ErrorCode::kInvalidArgument, "an AUROC needs both labels");
  return area;
}

// ---- thresholds and probabilities ----

Confusion confusion_at(Numbers scores, Labels labels, double threshold, Numbers weights) {
  require_equally_many(scores.size(), labels.size());
  Confusion sides;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool called = scores[i] >= threshold;
    double& side = labels[i] != 0 ? (called ? sides.true_positives : sides.false_negatives)
                                  : (called ? sides.false_positives : sides.true_negatives);
    side += weight_of(weights, i);
  }
  return sides;
}

double brier_score(Numbers probabilities, Labels labels, Numbers weights) {
  require_equally_many(probabilities.size(), labels.size());
  double sum = 0, films = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const double distance = probabilities[i] - labels[i], weight = weight_of(weights, i);
    sum += weight * distance * distance;
    films += weight;
  }
  return sum / films;
}

std::vector<ReliabilityBin> reliability(Numbers probabilities, Labels labels, int bins, Numbers weights) {
  require_equally_many(probabilities.size(), labels.size());
  std::vector<ReliabilityBin> made(std::size_t(std::max(bins, 1)));
  const double step = 1.0 / double(made.size());
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    auto at = std::size_t(std::clamp(probabilities[i] / step, 0.0, double(made.size() - 1)));
    while (at > 0 && probabilities[i] <= double(at) * step) --at;  // an edge belongs to the bin below
    while (at + 1 < made.size() && probabilities[i] > double(at + 1) * step) ++at;
    const double weight = weight_of(weights, i);
    made[at].count += weight;
    made[at].mean_probability += weight * probabilities[i];
    made[at].positive_share += weight * labels[i];
  }
  for (ReliabilityBin& bin : made) {
    if (bin.count == 0) continue;
    bin.mean_probability /= bin.count;
    bin.positive_share /= bin.count;
  }
  return made;
}

double expected_calibration_error(const std::vector<ReliabilityBin>& bins) {
  double sum = 0, films = 0;
  for (const ReliabilityBin& bin : bins) {
    sum += bin.count * std::abs(bin.mean_probability - bin.positive_share);
    films += bin.count;
  }
  return sum / films;
}

// ---- classes ----

std::vector<int> predicted_classes(Numbers probabilities, std::size_t classes) {
  std::vector<int> predicted;
  for (std::size_t begin = 0; begin + classes <= probabilities.size(); begin += classes) {
    const auto row = probabilities.subspan(begin, classes);
    predicted.push_back(int(std::max_element(row.begin(), row.end()) - row.begin()));
  }
  return predicted;
}

double accuracy(Labels predicted, Labels truth, Numbers weights) {
  require_equally_many(predicted.size(), truth.size());
  double right = 0, films = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    films += weight_of(weights, i);
    if (predicted[i] == truth[i]) right += weight_of(weights, i);
  }
  return right / films;
}

double balanced_accuracy(Labels predicted, Labels truth, std::size_t classes, Numbers weights) {
  require_equally_many(predicted.size(), truth.size());
  std::vector<double> right(classes), films(classes);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    films[std::size_t(truth[i])] += weight_of(weights, i);
    if (predicted[i] == truth[i]) right[std::size_t(truth[i])] += weight_of(weights, i);
  }
  std::vector<double> recalls;
  for (std::size_t k = 0; k < classes; ++k)
    if (films[k] > 0) recalls.push_back(right[k] / films[k]);
  return recalls.empty() ? kNone : mean_of(recalls);
}

std::vector<double> confusion_matrix(Labels predicted, Labels truth, std::size_t classes) {
  require_equally_many(predicted.size(), truth.size());
  std::vector<double> counts(classes * classes);
  for (std::size_t i = 0; i < truth.size(); ++i)
    counts[std::size_t(truth[i]) * classes + std::size_t(predicted[i])] += 1;
  return counts;
}

// ---- masks ----

double dice(std::span<const unsigned char> predicted, std::span<const unsigned char> truth) {
  if (predicted.size() != truth.size())
    fail(ErrorCode::kInvalidArgument, "a mask of " + std::to_string(predicted.size()) +
                                          " pixels cannot be compared with one of " + std::to_string(truth.size()));
  double both = 0, either = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    both += predicted[i] != 0 && truth[i] != 0;
    either += double(predicted[i] != 0) + double(truth[i] != 0);
  }
  return either > 0 ? 2 * both / either : 1;
}

// ---- summaries ----

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double deviation_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / double(values.size()));
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const double place = share * double(values.size() - 1);
  const auto below = std::size_t(place);
  if (below + 1 >= values.size()) return values.back();
  return values[below] + (place - double(below)) * (values[below + 1] - values[below]);
}

}  // namespace chexworld

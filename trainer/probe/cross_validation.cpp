// SPDX-License-Identifier: Apache-2.0
#include "trainer/probe/cross_validation.h"

#include "base/failure.h"
#include "views/random.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace chexworld {
namespace {

using Rows = std::vector<std::size_t>;

/// Weights with which both sides, or all classes, count the same.
std::vector<double> balance(const std::vector<double>& targets, const std::vector<double>& weights, bool balanced) {
  double positives = 0, all = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) positives += weights[i] * targets[i], all += weights[i];
  if (!balanced || positives <= 0 || positives >= all) return weights;
  std::vector<double> even = weights;
  for (std::size_t i = 0; i < targets.size(); ++i)
    even[i] *= all / 2 * (targets[i] / positives + (1 - targets[i]) / (all - positives));
  return even;
}

std::vector<double> class_balance(const std::vector<int>& classes, std::size_t count, bool balanced) {
  std::vector<double> films(count), weights(classes.size(), 1);
  for (const int one : classes) films[std::size_t(one)] += 1;
  if (balanced)
    for (std::size_t i = 0; i < classes.size(); ++i)
      weights[i] = double(classes.size()) / (double(count) * films[std::size_t(classes[i])]);
  return weights;
}

std::vector<int> classes_of(const LabelledFilms& labels) {
  std::vector<int> classes;
  for (std::size_t row = 0; row < labels.size(); ++row) classes.push_back(int(labels.class_of(row)));
  return classes;
}

/// K heads of one output each, put together.
LinearClassifier fit_findings(const FeatureMatrix& features, const LabelledFilms& labels, double c,
                              const ProbeOptions& options) {
  const TrainingTargets made = training_targets(labels, options.uncertain);
  const std::size_t count = labels.findings.size();
  LinearClassifier all{count, features.columns, {}, {}};
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<double> targets, weights;
    for (std::size_t row = 0; row < labels.size(); ++row) {
      targets.push_back(double(made.targets[row * count + k]));
      weights.push_back(double(made.weights[row * count + k]));
    }
    const LinearClassifier one = fit_sigmoid(features, targets, balance(targets, weights, options.balanced), {.c = c});
    all.weights.insert(all.weights.end(), one.weights.begin(), one.weights.end());
    all.biases.push_back(one.biases[0]);
  }
  return all;
}

LinearClassifier fit_classes(const FeatureMatrix& features, const LabelledFilms& labels, double c,
                             const ProbeOptions& options) {
  const std::vector<int> classes = classes_of(labels);
  const std::size_t count = labels.findings.size();
  return fit_softmax(features, classes, count, class_balance(classes, count, options.balanced), {.c = c});
}

/// Rows of `labels` with a known label of this finding, and the labels.
struct Known {
  Rows rows;
  std::vector<int> labels;
};
Known known_of(const LabelledFilms& labels, std::size_t finding, const Rows& among) {
  Known known;
  for (const std::size_t row : among) {
    const LabelValue value = labels.at(row, finding);
    if (value != LabelValue::kPositive && value != LabelValue::kNegative) continue;
    known.rows.push_back(row);
    known.labels.push_back(value == LabelValue::kPositive);
  }
  return known;
}

std::vector<double> column_of(const std::vector<double>& values, std::size_t columns, std::size_t column,
                              const Rows& rows) {
  std::vector<double> taken;
  for (const std::size_t row : rows) taken.push_back(values[row * columns + column]);
  return taken;
}

void put(std::vector<double>& all, std::size_t columns, const Rows& rows, const std::vector<double>& values) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy_n(values.begin() + std::ptrdiff_t(i * columns), columns, all.begin() + std::ptrdiff_t(rows[i] * columns));
}

std::vector<double> neighbour_shares(const FeatureMatrix& features, const LabelledFilms& labels, const Rows& train,
                                     const Rows& test, int neighbours) {
  const std::size_t count = labels.findings.size();
  const Standardizer standard(features.subset(train));
  const FeatureMatrix asked = standard(features.subset(test));
  if (labels.exclusive)
    return nearest_neighbours(standard(features.subset(train)), classes_of(labels.subset(train)), count, asked,
                              neighbours);
  std::vector<double> shares(test.size() * count);
  for (std::size_t k = 0; k < count; ++k) {
    const Known known = known_of(labels, k, train);
    const auto found = nearest_neighbours(standard(features.subset(known.rows)), known.labels, 2, asked, neighbours);
    for (std::size_t i = 0; i < test.size(); ++i) shares[i * count + k] = found[2 * i + 1];
  }
  return shares;
}

/// Inner folds of the training rows: those of the outer ones that are among them, or two drawn where only one is.
Folds inner_folds(const LabelledFilms& labels, const Folds& folds, const Rows& rows, std::uint64_t seed) {
  std::set<int> there;
  for (const std::size_t row : rows) there.insert(folds.of[row]);
  Folds inner{folds.names, std::vector<int>(folds.of.size(), -1)};
  for (const std::size_t row : rows) inner.of[row] = folds.of[row];
  if (there.size() > 1) return inner;
  const Folds drawn = draw_folds(labels.subset(rows), 4, seed);
  inner.names = drawn.names;
  for (std::size_t i = 0; i < rows.size(); ++i) inner.of[rows[i]] = drawn.of[i];
  return inner;
}

/// Held-out logits f64[n,K] of the rows that have an inner fold.
std::vector<double> held_out_logits(const FeatureMatrix& features, const LabelledFilms& labels, const Folds& inner,
                                    double c, const ProbeOptions& options) {
  const std::size_t count = labels.findings.size();
  std::vector<double> logits(labels.size() * count);
  for (int fold = 0; fold < int(inner.count()); ++fold) {
    const Rows test = inner.inside(fold), train = inner.outside(fold);
    if (test.empty()) continue;
    put(logits, count, test, fit_probe(features, labels, train, train, c, options).logits(features.subset(test)));
  }
  return logits;
}

/// Mean log loss over known labels after calibration: what C is chosen by.
double log_loss(const LabelledFilms& labels, const Rows& rows, const std::vector<double>& probabilities) {
  double sum = 0, count = 0;
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    const Known known = known_of(labels, k, rows);
    for (std::size_t i = 0; i < known.rows.size(); ++i) {
      const double p = probabilities[known.rows[i] * labels.findings.size() + k];
      if (labels.exclusive && known.labels[i] == 0) continue;
      sum -= std::log(std::max(known.labels[i] != 0 ? p : 1 - p, 1e-300));
      count += 1;
    }
  }
  return sum / count;
}

std::vector<Calibration> calibrations_of(const LabelledFilms& labels, const Rows& rows,
                                         const std::vector<double>& logits, CalibrationMethod method) {
  const std::size_t count = labels.findings.size();
  if (labels.exclusive) {
    std::vector<double> chosen(rows.size() * count);
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::copy_n(logits.begin() + std::ptrdiff_t(rows[i] * count), count, chosen.begin() + std::ptrdiff_t(i * count));
    return fit_class_calibration(method, chosen, classes_of(labels.subset(rows)), count);
  }
  std::vector<Calibration> found;
  for (std::size_t k = 0; k < count; ++k) {
    const Known known = known_of(labels, k, rows);
    found.push_back(fit_calibration(method, column_of(logits, count, k, known.rows), known.labels));
  }
  return found;
}

/// Whether held-out scores of inner folds are needed for anything.
bool chooses_anything(const ProbeOptions& options) {
  return options.c.size() > 1 || options.calibration != CalibrationMethod::kNone ||
         options.threshold.kind != ThresholdRule::Kind::kFixed;
}

/// Shuffled rows, one of each patient first.
Rows patients_first(const LabelledFilms& labels, const Rows& rows, StreamRandom& random) {
  Rows first, rest;
  std::set<std::string> seen;
  for (const std::int64_t i : random_permutation(random, std::int64_t(rows.size()))) {
    const std::size_t row = rows[std::size_t(i)];
    (seen.insert(labels.patients[row]).second ? first : rest).push_back(row);
  }
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

void add_some(Rows& chosen, const LabelledFilms& labels, const Rows& rows, int count, StreamRandom& random) {
  const Rows order = patients_first(labels, rows, random);
  chosen.insert(chosen.end(), order.begin(),
                order.begin() + std::ptrdiff_t(std::min(order.size(), std::size_t(count))));
}

/// The labels with all but one finding taken away.
LabelledFilms only(const LabelledFilms& labels, std::size_t finding) {
  LabelledFilms one = labels;
  one.findings = {labels.findings[finding]};
  one.values.clear();
  for (std::size_t row = 0; row < labels.size(); ++row) one.values.push_back(labels.at(row, finding));
  return one;
}

/// `shots` films for each answer to each question: rows of a class, or of a finding's positives and negatives.
Rows shot_rows(const LabelledFilms& labels, const Rows& train, int shots, StreamRandom& random) {
  Rows chosen;
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    const Known known = known_of(labels, k, train);
    for (const int side : {1, 0}) {
      if (labels.exclusive && side == 0) continue;
      Rows rows;
      for (std::size_t i = 0; i < known.rows.size(); ++i)
        if (known.labels[i] == side) rows.push_back(known.rows[i]);
      add_some(chosen, labels, rows, shots, random);
    }
  }
  return chosen;
}

double macro_auroc(const LabelledFilms& labels, const Rows& rows, const std::vector<double>& logits) {
  std::vector<double> areas;
  for (std::size_t k = 0; k < labels.findings.size(); ++k) {
    const Known known = known_of(labels, k, rows);
    areas.push_back(auroc(column_of(logits, labels.findings.size(), k, known.rows), known.labels));
  }
  return mean_of(areas);
}

}  // namespace

ProbeHead fit_probe(const FeatureMatrix& features, const LabelledFilms& labels, const Rows& rows, const Rows& scaled_by,
                    double c, const ProbeOptions& options) {
  const Standardizer standard(features.subset(scaled_by));
  const FeatureMatrix scaled = standard(features.subset(rows));
  const LabelledFilms known = labels.subset(rows);
  return {standard, (labels.exclusive ? fit_classes : fit_findings)(scaled, known, c, options)};
}

CalibratedHead fit_calibrated(const FeatureMatrix& features, const LabelledFilms& labels, const Folds& folds,
                              const Rows& rows, const ProbeOptions& options) {
  const std::size_t count = labels.findings.size();
  CalibratedHead made{fit_probe(features, labels, rows, rows, options.c.front(), options), options.c.front(),
                      std::vector<Calibration>(count), std::vector<double>(count, options.threshold.value)};
  if (!chooses_anything(options)) return made;
  const Folds inner = inner_folds(labels, folds, rows, options.seed);
  double best = INFINITY;
  std::vector<double> probabilities;
  for (const double c : options.c) {
    const std::vector<double> logits = held_out_logits(features, labels, inner, c, options);
    const auto fitted = calibrations_of(labels, rows, logits, options.calibration);
    std::vector<double> found = probabilities_of(logits, fitted, labels.exclusive);
    const double loss = log_loss(labels, rows, found);
    if (!(loss < best)) continue;
    best = loss, made.c = c, made.calibrations = fitted, probabilities = std::move(found);
  }
  if (made.c != options.c.front()) made.head = fit_probe(features, labels, rows, rows, made.c, options);
  for (std::size_t k = 0; k < count; ++k) {
    const Known known = known_of(labels, k, rows);
    made.thresholds[k] =
        choose_threshold(column_of(probabilities, count, k, known.rows), known.labels, options.threshold);
  }
  return made;
}

CrossValidation cross_validate(const FeatureMatrix& features, const LabelledFilms& labels, const Folds& folds,
                               const ProbeOptions& options, const std::function<void(int, int)>& observer) {
  require_usable_folds(labels, folds);
  const std::size_t count = labels.findings.size(), all = labels.size() * count;
  CrossValidation result{std::vector<double>(all), std::vector<double>(all), std::vector<double>(all), {}};
  for (int fold = 0; fold < int(folds.count()); ++fold) {
    const Rows test = folds.inside(fold), train = folds.outside(fold);
    result.heads.push_back(fit_calibrated(features, labels, folds, train, options));
    const CalibratedHead& head = result.heads.back();
    const std::vector<double> logits = head.head.logits(features.subset(test));
    put(result.raw, count, test, probabilities_of(logits, std::vector<Calibration>(count), labels.exclusive));
    put(result.calibrated, count, test, probabilities_of(logits, head.calibrations, labels.exclusive));
    put(result.neighbours, count, test, neighbour_shares(features, labels, train, test, options.neighbours));
    if (observer) observer(fold + 1, int(folds.count()));
  }
  return result;
}

std::vector<double> few_shot_aurocs(const FeatureMatrix& features, const LabelledFilms& labels, const Folds& folds,
                                    int shots, int draws, const ProbeOptions& options) {
  std::vector<double> found;
  for (int fold = 0; fold < int(folds.count()); ++fold) {
    const Rows test = folds.inside(fold), train = folds.outside(fold);
    const FeatureMatrix asked = features.subset(test);
    for (int draw = 0; draw < draws; ++draw) {
      std::vector<double> areas;
      for (std::size_t k = 0; k < (labels.exclusive ? 1 : labels.findings.size()); ++k) {
        const LabelledFilms task = labels.exclusive ? labels : only(labels, k);
        StreamRandom random({options.seed, std::uint32_t(fold), std::uint64_t(draw) * 4096 + k, RandomPurpose::kOther});
        const Rows rows = shot_rows(task, train, shots, random);
        const std::vector<double> logits =
            fit_probe(features, task, rows, train, options.c.front(), options).logits(asked);
        std::vector<double> all(task.size() * task.findings.size());
        put(all, task.findings.size(), test, logits);
        areas.push_back(macro_auroc(task, test, all));
      }
      found.push_back(mean_of(areas));
    }
  }
  return found;
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/calibration.h"

#include "base/failure.h"
#include "trainer/evaluation/minimise.h"
#include "trainer/evaluation/probability.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

namespace chexworld {
namespace {

struct Targets {
  double positive, negative;
};

/// How sure one may be of N films: as if one more of each kind had been seen (Platt 1999).
Targets smoothed_targets(Labels labels) {
  const double positives = double(std::count_if(labels.begin(), labels.end(), [](int l) { return l != 0; }));
  const double negatives = double(labels.size()) - positives;
  if (positives == 0 || negatives == 0)
    fail(ErrorCode::kInvalidArgument, "a calibration or threshold needs films with the finding and films without (" +
                                          std::to_string(int(positives)) + " positive, " +
                                          std::to_string(int(negatives)) + " negative)");
  return {(positives + 1) / (positives + 2), 1 / (negatives + 2)};
}

/// Log loss over (slope) or (slope, intercept).
Objective binary_loss(Numbers logits, Labels labels, const Targets& targets) {
  return [=](std::span<const double> x, std::span<double> gradient) {
    const double intercept = x.size() > 1 ? x[1] : 0;
    double loss = 0;
    std::fill(gradient.begin(), gradient.end(), 0);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double z = x[0] * logits[i] + intercept, target = labels[i] != 0 ? targets.positive : targets.negative;
      loss += softplus(z) - target * z;
      gradient[0] += (sigmoid(z) - target) * logits[i];
      if (x.size() > 1) gradient[1] += sigmoid(z) - target;
    }
    return loss;
  };
}

/// Log loss over (slope) or (slope, intercept of each class), with targets (N_k + 1) / (N_k + 2) for the true class.
Objective class_loss(Numbers logits, Labels truth, std::vector<double> sure) {
  return [=](std::span<const double> x, std::span<double> gradient) {
    const std::size_t classes = sure.size();
    std::vector<double> z(classes);
    double loss = 0;
    std::fill(gradient.begin(), gradient.end(), 0);
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const auto own = std::size_t(truth[i]);
      const double other = (1 - sure[own]) / double(classes - 1);
      const auto row = logits.subspan(i * classes, classes);
      for (std::size_t k = 0; k < classes; ++k) z[k] = x[0] * row[k] + (x.size() > 1 ? x[1 + k] : 0);
      for (std::size_t k = 0; k < classes; ++k) loss -= (k == own ? sure[own] : other) * z[k];
      loss += softmax(z);
      for (std::size_t k = 0; k < classes; ++k) {
        const double slope = z[k] - (k == own ? sure[own] : other);
        gradient[0] += slope * row[k];
        if (x.size() > 1) gradient[1 + k] += slope;
      }
    }
    return loss;
  };
}

/// Logits may be of any size; the minimiser likes them near 1.
double typical_size(Numbers logits) {
  double sum = 0;
  for (const double logit : logits) sum += logit * logit;
  return sum > 0 ? std::sqrt(sum / double(logits.size())) : 1;
}

std::vector<double> scaled(Numbers logits, double factor) {
  std::vector<double> values(logits.begin(), logits.end());
  for (double& value : values) value *= factor;
  return values;
}

std::optional<double> number_after(const std::string& text, const std::string& prefix) {
  if (!text.starts_with(prefix)) return {};
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + prefix.size(), end, value);
  const bool fine = error == std::errc() && stop == end && value >= 0 && value <= 1;
  return fine ? std::optional(value) : std::nullopt;
}

}  // namespace

CalibrationMethod calibration_method_from(const std::string& name) {
  if (name == "none") return CalibrationMethod::kNone;
  if (name == "temperature") return CalibrationMethod::kTemperature;
  if (name == "platt") return CalibrationMethod::kPlatt;
  fail(ErrorCode::kInvalidArgument, "there is no calibration '" + name + "' (there are: none, temperature, platt)");
}

std::string text_of(CalibrationMethod method) {
  switch (method) {
    case CalibrationMethod::kTemperature: return "temperature";
    case CalibrationMethod::kPlatt: return "platt";
    case CalibrationMethod::kNone: break;
  }
  return "none";
}

Calibration fit_calibration(CalibrationMethod method, Numbers logits, Labels labels) {
  const Targets targets = smoothed_targets(labels);
  if (method == CalibrationMethod::kNone) return {};
  const double size = typical_size(logits);
  const std::vector<double> near_one = scaled(logits, 1 / size);
  const std::vector<double> start(method == CalibrationMethod::kPlatt ? 2 : 1, 0.0);
  const std::vector<double> x = minimise(binary_loss(near_one, labels, targets), start).x;
  const double intercept = x.size() > 1 ? x[1] : 0;
  if (x[0] > 0) return {x[0] / size, intercept};
  const double share = std::accumulate(labels.begin(), labels.end(), 0.0) / double(labels.size());
  return {0, method == CalibrationMethod::kPlatt ? std::log(share / (1 - share)) : 0};
}

std::vector<Calibration> fit_class_calibration(CalibrationMethod method, Numbers logits, Labels truth,
                                               std::size_t classes) {
  std::vector<double> sure(classes);
  for (std::size_t k = 0; k < classes; ++k) {
    const double films = double(std::count(truth.begin(), truth.end(), int(k)));
    if (films == 0)
      fail(ErrorCode::kInvalidArgument,
           "a calibration needs films of every class; there is none of class " + std::to_string(k));
    sure[k] = (films + 1) / (films + 2);
  }
  std::vector<Calibration> found(classes);
  if (method == CalibrationMethod::kNone) return found;
  const double size = typical_size(logits);
  const std::vector<double> near_one = scaled(logits, 1 / size);
  const std::vector<double> start(method == CalibrationMethod::kPlatt ? 1 + classes : 1, 0.0);
  const std::vector<double> x = minimise(class_loss(near_one, truth, sure), start).x;
  for (std::size_t k = 0; k < classes; ++k) found[k] = {std::max(x[0], 0.0) / size, x.size() > 1 ? x[1 + k] : 0};
  return found;
}

std::vector<double> probabilities_of(Numbers logits, const std::vector<Calibration>& calibrations, bool exclusive) {
  const std::size_t count = calibrations.size();
  std::vector<double> values(logits.begin(), logits.end());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = calibrations[i % count].slope * values[i] + calibrations[i % count].intercept;
  if (exclusive) {
    for (std::size_t begin = 0; begin + count <= values.size(); begin += count)
      softmax(std::span(values).subspan(begin, count));
  } else {
    for (double& value : values) value = sigmoid(value);
  }
  return values;
}

ThresholdRule threshold_rule_from(const std::string& text) {
  using Kind = ThresholdRule::Kind;
  if (text == "youden") return {Kind::kYouden, 0};
  if (text == "f1") return {Kind::kF1, 0};
  if (const auto value = number_after(text, "sensitivity=")) return {Kind::kSensitivity, *value};
  if (const auto value = number_after(text, "specificity=")) return {Kind::kSpecificity, *value};
  if (const auto value = number_after(text, "")) return {Kind::kFixed, *value};
  fail(ErrorCode::kInvalidArgument,
       "a threshold is chosen by youden, f1, sensitivity=S, specificity=S, or is a number "
       "from 0 to 1; not '" +
           text + "'");
}

std::string text_of(const ThresholdRule& rule) {
  char number[32];
  std::snprintf(number, sizeof number, "%g", rule.value);
  switch (rule.kind) {
    case ThresholdRule::Kind::kYouden: return "youden";
    case ThresholdRule::Kind::kF1: return "f1";
    case ThresholdRule::Kind::kSensitivity: return std::string("sensitivity=") + number;
    case ThresholdRule::Kind::kSpecificity: return std::string("specificity=") + number;
    case ThresholdRule::Kind::kFixed: break;
  }
  return number;
}

double choose_threshold(Numbers probabilities, Labels labels, const ThresholdRule& rule) {
  smoothed_targets(labels);  // refuses one label only
  if (rule.kind == ThresholdRule::Kind::kFixed) return rule.value;
  const RankedScores ranked(probabilities, labels);
  const std::vector<RankedScores::Point> points = ranked.points();
  const auto worth = [&](const RankedScores::Point& point) {
    const double sensitivity = point.true_positives / ranked.positives();
    const double specificity = 1 - point.false_positives / ranked.negatives();
    switch (rule.kind) {
      case ThresholdRule::Kind::kF1:
        return 2 * point.true_positives / (point.true_positives + point.false_positives + ranked.positives());
      case ThresholdRule::Kind::kSensitivity: return sensitivity < rule.value ? -1 : specificity;
      case ThresholdRule::Kind::kSpecificity: return specificity < rule.value ? -1 : sensitivity;
      default: return sensitivity + specificity;
    }
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < points.size(); ++i)
    if (worth(points[i]) >= worth(points[best])) best = i;
  if (worth(points[best]) < 0) return 1;  // no film may be called positive
  return best + 1 < points.size() ? (points[best].score + points[best + 1].score) / 2 : points[best].score;
}

BundleLabel bundle_label(const std::string& name, const Calibration& calibration, double threshold) {
  return {.name = name, .threshold = threshold, .slope = calibration.slope, .intercept = calibration.intercept};
}

}  // namespace chexworld

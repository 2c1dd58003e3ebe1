// SPDX-License-Identifier: Apache-2.0
//
// From logits to probabilities that mean what they say, and from probabilities to answers. Fitted on films that neither
// trained the head nor judge it; stored in a bundle's labels (slope, intercept, threshold; <chexworld/bundle.h>).
//
// Pure functions: thread safe.
#pragma once

#include "trainer/evaluation/metrics.h"

#include <chexworld/bundle.h>

#include <string>
#include <vector>

namespace chexworld {

/// A calibrated logit is slope * logit + intercept.
struct Calibration {
  double slope = 1, intercept = 0;
  friend bool operator==(const Calibration&, const Calibration&) = default;
};

enum class CalibrationMethod {
  kNone,
  kTemperature,  ///< only a slope; one for all classes where they exclude each other (Guo et al., ICML 2017)
  kPlatt,        ///< slope and intercept (Platt 1999); for classes one slope and an intercept each
};

/// "none", "temperature", "platt". Throws Failure(kInvalidArgument) for another word.
CalibrationMethod calibration_method_from(const std::string& name);
std::string text_of(CalibrationMethod method);

/// Of one finding, by least log loss. Targets are Platt's, (N+ + 1) / (N+ + 2) and 1 / (N- + 2), so that even labels
/// that the logits separate give a finite slope. The slope is never negative: logits that rank films the wrong way
/// round get slope 0, which says the same of every film. Throws Failure(kInvalidArgument) unless both labels occur.
Calibration fit_calibration(CalibrationMethod method, Numbers logits, Labels labels);

/// Of classes that exclude each other: logits f64[n,K], truth 0 .. K-1. Throws Failure(kInvalidArgument) unless every
/// class occurs.
std::vector<Calibration> fit_class_calibration(CalibrationMethod method, Numbers logits, Labels truth,
                                               std::size_t classes);

/// f64[n,K] of logits f64[n,K]: a sigmoid for each finding, or a softmax over all of them.
std::vector<double> probabilities_of(Numbers logits, const std::vector<Calibration>& calibrations, bool exclusive);

/// How the threshold of a finding is chosen.
struct ThresholdRule {
  enum class Kind {
    kFixed,        ///< `value` itself
    kYouden,       ///< greatest sensitivity + specificity
    kF1,           ///< greatest F1
    kSensitivity,  ///< the greatest specificity with a sensitivity of at least `value`
    kSpecificity,  ///< the greatest sensitivity with a specificity of at least `value`
  };
  Kind kind = Kind::kYouden;
  double value = 0.5;
};

/// "youden", "f1", "sensitivity=0.95", "specificity=0.9", or a number from 0 to 1. Throws Failure(kInvalidArgument).
ThresholdRule threshold_rule_from(const std::string& text);
std::string text_of(const ThresholdRule& rule);

/// A threshold lies half way between two neighbouring probabilities; of equally good ones the lowest is taken, which
/// misses least. Throws Failure(kInvalidArgument) unless both labels occur.
double choose_threshold(Numbers probabilities, Labels labels, const ThresholdRule& rule);

/// What a bundle's head says about a finding.
BundleLabel bundle_label(const std::string& name, const Calibration& calibration, double threshold);

}  // namespace chexworld

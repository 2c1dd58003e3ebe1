// SPDX-License-Identifier: Apache-2.0
//
// What is known about one finding of one film, and what training makes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chexworld {

enum class LabelValue : std::int8_t {
  kNegative,
  kPositive,
  kUncertain,  ///< the report hedges ("possible", CheXpert's -1)
  kMissing,    ///< nobody said; never counts, neither in training nor in evaluation
};

/// 1, 0, -1, empty, and words: yes, positive, present, true; no, negative, absent, false; uncertain, possible, maybe,
/// equivocal; missing, unknown, na, nan, none. Case does not matter. Nothing for any other text.
std::optional<LabelValue> label_value_from(std::string_view text);

/// The target of an uncertain label in training. Evaluation always leaves uncertain labels out: an answer to them can
/// be neither right nor wrong.
struct UncertainPolicy {
  std::optional<double> target;  ///< 0 to 1; empty: ignored, as a missing label is
};

/// "ignore", "zero", "one" or a number from 0 to 1. Throws Failure(kInvalidArgument).
UncertainPolicy uncertain_policy_from(const std::string& text);
std::string text_of(const UncertainPolicy& policy);

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
//
// Findings from what the encoder computed: the heads of a bundle (specification, section 5) in f32, the calibration of
// their outputs, and where in the picture they come from. Immutable: thread safe.
#pragma once

#include "bundle/bundle.h"

#include <cstdint>
#include <memory>

namespace chexworld {

/// K outputs over features of width D. `tokens` f32[N,D] are one image's after the final norm (without one for
/// "norm_fc"), `mean` f32[D] their mean.
class FindingsHead {
 public:
  virtual ~FindingsHead() = default;

  /// Whether logits() needs tokens and not just their mean.
  virtual bool needs_tokens() const { return false; }
  /// Whether a logit is a sum over patches: "fc" and "norm_fc".
  virtual bool has_contributions() const { return false; }

  /// Writes f32[K]. `tokens` may be null unless needs_tokens().
  virtual void logits(const float* tokens, std::int64_t patches, const float* mean, float* to) const = 0;

  /// Writes f32[K,N]: how much each patch adds to each logit; biases are shared evenly, so the sum is the logit.
  /// Only with has_contributions().
  virtual void contributions(const float* tokens, std::int64_t patches, const float* mean, float* to) const;
  /// What every patch adds to the logit of `label`, whatever it shows: the bias and the norm's shift. Only with
  /// has_contributions().
  virtual double constant(std::size_t label) const;

  /// Writes f32[N]: how much the logit of `label` would rise if a patch counted more, to first order: the derivative of
  /// the logit by the logarithm of the patch's weight in the pooling (the mean, or the attention), all weights kept at
  /// a sum of 1. They sum to 0; a patch like the average one has 0.
  virtual void influence(const float* tokens, std::int64_t patches, const float* mean, std::size_t label,
                         float* to) const = 0;
};

/// Null where the bundle has no head. Throws Failure(kMalformed) naming a tensor that is not finite, or a width that
/// does not divide into the attention heads.
std::unique_ptr<FindingsHead> read_findings_head(const Bundle& bundle);

/// Logits f32[K] to probabilities f32[K]: slope and intercept of each label, then sigmoid, or softmax over all of them
/// where they exclude each other. In place is fine.
void to_probabilities(const BundleHead& head, const float* logits, float* to);

}  // namespace chexworld

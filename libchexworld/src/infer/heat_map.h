// SPDX-License-Identifier: Apache-2.0
//
// Where in a picture a finding comes from.
#pragma once

#include "infer/findings_head.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// Of one label and one picture. Plain value.
struct HeatMap {
  enum class Kind {
    kContribution,  ///< what each patch adds to the logit; the sum is the logit ("fc", "norm_fc")
    kInfluence,     ///< how much the logit would rise if a patch counted more; the sum is 0 ("attn", "mlp")
  };
  Kind kind = Kind::kContribution;
  std::string finding;
  std::int64_t grid = 0;      ///< G
  std::vector<float> values;  ///< f32[G,G], rows from the top
  /// Of the values, what each patch has whatever it shows: 1/N of bias and norm shift. 0 with kInfluence.
  double bias_share = 0;
  double logit = 0;        ///< as the head computes it, before calibration
  double probability = 0;  ///< calibrated
  double threshold = 0.5;
};
std::string_view name_of(HeatMap::Kind kind);  ///< "contribution", "influence"

/// Position of the label named `finding`. Throws Failure(kNotFound) naming what there is.
std::size_t label_named(const BundleHead& head, std::string_view finding);

/// tokens: f32[N,D] as the head takes them (see FindingsHead), N a square number.
HeatMap heat_map(const FindingsHead& findings, const BundleHead& head, std::span<const float> tokens,
                 std::int64_t patches, std::size_t label);

}  // namespace chexworld

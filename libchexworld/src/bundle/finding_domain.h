// SPDX-License-Identifier: Apache-2.0
//
// Whether a film is one of those that a head's probabilities hold for.
#pragma once

#include <chexworld/bundle.h>

#include <optional>
#include <string>
#include <vector>

namespace chexworld {

/// What is known of a film before a head looks at it, in the words of BundleDomain.
struct FilmFacts {
  std::string view = "unknown";
  std::vector<std::string> quality;
  std::optional<double> brightness;  ///< of the picture that the network sees; nullopt: not measured, so not judged
  std::optional<double> contrast;
};

/// Nothing where the head answers. A film that is known to be frontal, but not which way, is inside where both PA and
/// AP are; "frontal" in a domain covers PA and AP. A view that is not known is a view like any other: inside only where
/// the domain names "unknown", or no view at all.
std::optional<Abstention> outside_domain(const BundleDomain& domain, const FilmFacts& film);

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bundle/finding_domain.h"
#include "image/adjust.h"

#include <chexworld/radiograph.h>

#include <span>
#include <vector>

namespace chexworld {

/// What the gate and the picture tell about a film. `prepared` f32[3,S,S], normalised so, is measured only where the
/// domain has ranges.
FilmFacts film_facts(const GateVerdict& gate, const std::vector<QualityNote>& quality, std::span<const float> prepared,
                     const Normalization& normalization, const BundleDomain& domain);

/// Throws Failure(kUnsupported) for a domain with a quality note that nobody here gives: it could never be applied.
void require_known_notes(const BundleDomain& domain);

}  // namespace chexworld

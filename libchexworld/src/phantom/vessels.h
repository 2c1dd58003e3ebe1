// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "phantom/body.h"
#include "phantom/stroke.h"

#include <vector>

namespace chexworld::phantom {

/// Pulmonary arteries and veins of both lungs: trees that grow from the hilum towards points spread over the lung, with
/// radii by Murray's law (a power of a parent's is the sum of its children's). The same patient's are the same.
std::vector<Stroke> make_vessels(const Body& body, const Anatomy& anatomy);

}  // namespace chexworld::phantom

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "phantom/body.h"
#include "phantom/stroke.h"

#include <vector>

namespace chexworld::phantom {

/// Ribs, clavicles, scapulae, arms, sternum and the processes of the vertebrae; the vertebral bodies are Body::spine.
std::vector<Stroke> make_skeleton(const Body& body, const Anatomy& anatomy, const Pose& pose);

/// A thin bone plate: the blade of a scapula.
struct Plate {
  Point corners[3];
  double thickness_mm = 2;
};
std::vector<Plate> make_plates(const Pose& pose);

/// Adds the plate's thickness where it is seen.
void draw(const Plate& plate, const Beam& beam, const Raster& raster, FloatImage& core);

/// What of a vertebral column is bone at the height z: 1 in a vertebra, 0 in a disc; and its endplates.
struct SpineLevel {
  double bone = 1, endplate = 0;
  double width = 1;  ///< factor: vertebrae have a waist
};
SpineLevel spine_level(double z);

}  // namespace chexworld::phantom

// SPDX-License-Identifier: Apache-2.0
//
// The soft organs of the chest as solids: what is body, what is lung, what lies within the lungs' outline.
#pragma once

#include "phantom/anatomy.h"
#include "phantom/solids.h"

#include <optional>
#include <variant>
#include <vector>

namespace chexworld::phantom {

class Solid {
 public:
  Solid(Loft loft) : shape_(std::move(loft)) {}
  Solid(Ellipsoid ellipsoid) : shape_(ellipsoid) {}

  Ellipse at(double z) const;
  /// About where it is, for its magnification.
  Point centre() const;

 private:
  std::variant<Loft, Ellipsoid> shape_;
};

/// One side of the thoracic cavity and the lung in it.
struct Lung {
  int side = kRight;
  Dome apex;                  ///< the cavity lies inside
  Dome dome;                  ///< the diaphragm: the cavity lies outside
  std::optional<Dome> fluid;  ///< a bowl: below and beside it is effusion
  double collapse_mm = 0;     ///< air between chest wall and lung: a pneumothorax
};

struct Body {
  Loft thorax;  ///< inner wall of the rib cage
  Lung lungs[2];
  Loft heart;
  std::vector<Solid> outer;  ///< torso, neck, shoulders, arms, breasts: their union is the body
  std::vector<Solid> inner;  ///< what lies in the thorax and is no lung: heart, vessels, spine
  std::vector<Solid> air;    ///< trachea, bronchi, stomach
  Loft spine;                ///< vertebral bodies

  /// Whether the point lies in aerated lung, at least `margin` mm from its surface sideways.
  bool in_lung(const Point& point, int side, double margin) const;
};

Body make_body(const Anatomy& anatomy, const Pose& pose, const std::vector<Finding>& findings);

/// Centre of a thoracic vertebra, 1 to 12, or a neighbour beyond them.
Point vertebra(const Body& body, int number);

}  // namespace chexworld::phantom

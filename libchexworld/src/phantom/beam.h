// SPDX-License-Identifier: Apache-2.0
//
// From the film to the body and back: a point source, a flat detector, and the body turned for the view.
#pragma once

#include "phantom/anatomy.h"
#include "phantom/section.h"
#include "phantom/solids.h"

#include <vector>

namespace chexworld::phantom {

struct FilmPoint {
  double u = 0;  ///< mm to the right of the film's centre, as displayed
  double v = 0;  ///< mm up
};

/// Films are displayed with the patient's left to the right (frontal) or facing left (lateral).
///
/// Within a section the rays fan out exactly. Along z the magnification of an organ is that of its centre, so that
/// one section of it belongs to one row of the film. Immutable: safe from any thread.
class Beam {
 public:
  Beam(const Pose& pose, const Anatomy& anatomy);

  /// The ray to `point` within its section, in the coordinates of the average adult.
  Ray ray_to(FilmPoint point) const;
  /// Millimetres of the real body per unit of t.
  double millimetres(const Ray& ray) const;
  /// The z at which the row `v` meets an organ whose centre is at (x, y).
  double z_at(double v, double x, double y) const;
  FilmPoint project(const Point& point) const;
  double magnification(const Point& point) const;
  /// Of a direction at an organ: unit vector along the beam, in the real body.
  Point direction() const { return {towards_x_, towards_y_, 0}; }
  /// A displacement in the average adult as one in the real body.
  Point scaled(const Point& displacement) const;

 private:
  double along(const Point& real) const { return real.x * towards_x_ + real.y * towards_y_; }

  Point scale_;
  double right_x_, right_y_, towards_x_, towards_y_;  // unit vectors: the film's right, the beam
  double focus_mm_, detector_mm_;                     // from the axis
  double lean_, centre_z_;
  double offset_u_, offset_v_;
};

}  // namespace chexworld::phantom

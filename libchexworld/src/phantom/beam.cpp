// SPDX-License-Identifier: Apache-2.0
#include "phantom/beam.h"

#include <cmath>

namespace chexworld::phantom {

namespace {

struct Axes {
  double right_x, right_y, towards_x, towards_y;
};

Axes axes_of(View view) {
  switch (view) {
    case View::kPA: return {1, 0, 0, 1};
    case View::kAP: return {1, 0, 0, -1};
    case View::kLateral: break;
  }
  return {0, -1, 1, 0};  // the left side at the detector
}

}  // namespace

Beam::Beam(const Pose& pose, const Anatomy& anatomy)
    : scale_{anatomy.width, anatomy.depth, anatomy.height},
      focus_mm_(pose.focus_to_detector_mm - pose.axis_to_detector_mm),
      detector_mm_(pose.axis_to_detector_mm),
      lean_(pose.view == View::kLateral ? 0 : pose.lean),
      centre_z_(pose.centre_z_mm * anatomy.height),
      offset_u_(pose.offset_mm[0]),
      offset_v_(pose.offset_mm[1]) {
  const Axes axes = axes_of(pose.view);
  const double c = std::cos(pose.rotation), s = std::sin(pose.rotation);
  right_x_ = c * axes.right_x - s * axes.right_y;
  right_y_ = s * axes.right_x + c * axes.right_y;
  towards_x_ = c * axes.towards_x - s * axes.towards_y;
  towards_y_ = s * axes.towards_x + c * axes.towards_y;
}

Ray Beam::ray_to(FilmPoint point) const {
  const double v = point.v + offset_v_, u = point.u + offset_u_ - lean_ * v;
  const double total = focus_mm_ + detector_mm_, sideways = u * focus_mm_ / total, fan = u / total;
  return {right_x_ * sideways / scale_.x, right_y_ * sideways / scale_.y, (towards_x_ + fan * right_x_) / scale_.x,
          (towards_y_ + fan * right_y_) / scale_.y};
}

double Beam::millimetres(const Ray& ray) const { return std::hypot(ray.dx * scale_.x, ray.dy * scale_.y); }

double Beam::magnification(const Point& point) const {
  return (focus_mm_ + detector_mm_) / (focus_mm_ + along({point.x * scale_.x, point.y * scale_.y, 0}));
}

double Beam::z_at(double v, double x, double y) const {
  return ((v + offset_v_) / magnification({x, y, 0}) + centre_z_) / scale_.z;
}

FilmPoint Beam::project(const Point& point) const {
  const Point real = scaled(point);
  const double m = magnification(point), v = (real.z - centre_z_) * m;
  return {(real.x * right_x_ + real.y * right_y_) * m + lean_ * v - offset_u_, v - offset_v_};
}

Point Beam::scaled(const Point& displacement) const {
  return {displacement.x * scale_.x, displacement.y * scale_.y, displacement.z * scale_.z};
}

}  // namespace chexworld::phantom

// SPDX-License-Identifier: Apache-2.0
//
// Solids whose horizontal sections are ellipses. Plain values after construction: safe from any thread.
#pragma once

#include "phantom/section.h"

#include <vector>

namespace chexworld::phantom {

struct Point {
  double x = 0, y = 0, z = 0;

  friend Point operator+(const Point& a, const Point& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend Point operator-(const Point& a, const Point& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend Point operator*(double factor, const Point& p) { return {factor * p.x, factor * p.y, factor * p.z}; }
};

double dot(const Point& a, const Point& b);
double norm(const Point& p);
Point normalised(const Point& p);
Point cross(const Point& a, const Point& b);

/// A function of z through knots of rising z: piecewise cubic without overshoot (Fritsch and Carlson, 1980), constant
/// beyond the ends.
class Profile {
 public:
  Profile(std::vector<double> z, std::vector<double> values);
  double at(double z) const;

 private:
  std::vector<double> z_, values_, slopes_;
};

/// One section of a loft.
struct Station {
  double z = 0;
  Ellipse section;
};

/// A solid through given sections. Between them the squares of the half-axes are interpolated, so that a section of
/// no size at an end rounds it off. Nothing below the first and above the last station.
class Loft {
 public:
  explicit Loft(const std::vector<Station>& stations);
  Ellipse at(double z) const;
  double bottom() const { return bottom_; }
  double top() const { return top_; }
  double depth() const { return depth_; }  ///< mean y of its centres

 private:
  double bottom_, top_, depth_;
  Profile x_, y_, aa_, bb_;
};

/// `b` is the half-axis along y, `c` along z.
struct Ellipsoid {
  Point centre;
  double a = 0, b = 0, c = 0;

  Ellipse at(double z) const;
};

/// A body of revolution, made elliptical, about a vertical axis: at a distance `height` from its vertex the half-axes
/// are a and b. It opens downwards, or upwards (a bowl) where `height` is negative. Its section is what lies inside.
struct Dome {
  Point vertex;
  double a = 0, b = 0, height = 1;
  double power = 2;  ///< of the distance from the axis: more is flatter on top and steeper at the sides

  Ellipse at(double z) const;
};

}  // namespace chexworld::phantom

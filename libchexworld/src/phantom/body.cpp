// SPDX-License-Identifier: Apache-2.0
#include "phantom/body.h"

#include <algorithm>
#include <cmath>

namespace chexworld::phantom {

namespace {

struct ThoraxLevel {
  double z, half_width, half_depth, y;
};

// The rib cage of an average man from the abdomen to the neck.
constexpr ThoraxLevel kThorax[] = {{-140, 132, 96, 2}, {-60, 139, 101, 2}, {0, 142, 103, 0},   {60, 141, 103, -2},
                                   {120, 134, 98, -5}, {180, 121, 88, -6}, {230, 103, 73, -4}, {270, 79, 55, 0},
                                   {300, 56, 40, 6},   {335, 40, 30, 12}};

double bend(const Anatomy& anatomy, double z) {  // of the upper spine, forward
  const double up = std::clamp((z - 160) / 150, 0.0, 1.3);
  return anatomy.kyphosis_mm * up * up;
}

Loft make_thorax(const Anatomy& anatomy) {
  std::vector<Station> stations;
  for (const ThoraxLevel& level : kThorax)
    stations.push_back({level.z, {0, level.y + bend(anatomy, level.z), level.half_width, level.half_depth}});
  return Loft(stations);
}

Loft make_torso(const Anatomy& anatomy, const Loft& thorax) {
  const double wall = 17 + anatomy.fat_mm;
  std::vector<Station> stations;
  for (const double z : {-140.0, -60.0, 0.0, 60.0, 120.0, 180.0, 215.0}) {
    const Ellipse section = thorax.at(z);
    const double belly = z < 60 ? anatomy.fat_mm * (60 - z) / 160 : 0, lats = z > 100 ? 6 : 0;
    stations.push_back({z, {0, section.y, section.a + wall + belly + lats, section.b + wall + belly}});
  }
  const double y = bend(anatomy, 300);
  stations.push_back({250, {0, -4 + 0.4 * y, 122 + 0.5 * anatomy.fat_mm, 92}});
  stations.push_back({285, {0, 0.7 * y, 88, 74}});
  stations.push_back({318, {0, 8 + y, 63, 62}});
  stations.push_back({360, {0, 14 + 1.2 * y, 57, 60}});
  stations.push_back({460, {0, 18 + 1.2 * y, 58, 62}});
  return Loft(stations);
}

Loft make_heart(const Anatomy& anatomy, double dome_shift) {
  struct Level {
    double z, left, right, y, half_depth;
  };
  constexpr Level kLevels[] = {{8, 40, 0, 44, 0},      {20, 62, -22, 44, 30},  {38, 80, -34, 43, 42},
                               {58, 85, -40, 40, 48},  {80, 80, -42, 36, 50},  {104, 68, -39, 29, 47},
                               {128, 52, -33, 20, 43}, {150, 40, -27, 12, 38}, {172, 31, -24, 6, 32},
                               {192, 22, -20, 4, 0}};
  // A heart grows mostly to the left; a high diaphragm lays it down.
  const double grown = anatomy.heart - 1, up = std::max(dome_shift, 0.0);
  std::vector<Station> stations;
  for (const Level& level : kLevels) {
    const double low = std::clamp((130 - level.z) / 100, 0.0, 1.0);
    const double left = level.left * (1 + (1.2 * grown + 0.004 * up) * low);
    const double right = level.right * (1 + 0.6 * grown * low);
    const double z = level.z + up * 0.8 * low - anatomy.heart_tilt_mm * low;
    stations.push_back(
        {z, {(left + right) / 2, level.y, level.half_depth > 0 ? (left - right) / 2 : 0, level.half_depth}});
  }
  return Loft(stations);
}

Loft make_spine(const Loft& thorax) {
  std::vector<Station> stations;
  for (const double z : {-140.0, -60.0, 0.0, 60.0, 120.0, 180.0, 230.0, 270.0, 300.0, 335.0}) {
    const Ellipse section = thorax.at(z);
    const double thinner = std::clamp(z / 300, 0.0, 1.0);
    stations.push_back({z, {0, section.y - section.b + 8, 22 - 5 * thinner, 19 - 5 * thinner}});
  }
  stations.push_back({460, {0, thorax.at(335).y - 14, 14, 11}});
  return Loft(stations);
}

/// A vertical tube through centres of rising z, rounded off at both ends.
Loft tube(const std::vector<Point>& centres, double radius) {
  const Point first = centres.front(), last = centres.back();
  std::vector<Station> stations{{first.z - 0.8 * radius, {first.x, first.y, 0, 0}}};
  for (const Point& centre : centres) stations.push_back({centre.z, {centre.x, centre.y, radius, radius}});
  stations.push_back({last.z + 0.8 * radius, {last.x, last.y, 0, 0}});
  return Loft(stations);
}

std::vector<Solid> make_inner(const Anatomy& anatomy, const Loft& thorax, const Loft& heart, const Loft& spine) {
  const double out = anatomy.aorta_mm, wide = 1 + 0.02 * out;
  std::vector<Solid> inner{heart};
  std::vector<Station> mediastinum, septum, paraspinal;
  for (const auto& [z, half_width] : {std::pair{-60.0, 32.0},
                                      {30.0, 26.0},
                                      {60.0, 20.0},
                                      {110.0, 19.0},
                                      {170.0, 22.0},
                                      {215.0, 25.0},
                                      {255.0, 25.0},
                                      {290.0, 30.0},
                                      {335.0, 40.0}}) {
    const Ellipse section = thorax.at(z), bones = spine.at(z);
    mediastinum.push_back({z, {0, section.y - 6, half_width, 0.64 * section.b}});
    septum.push_back({z, {0, section.y, 15, section.b}});
    paraspinal.push_back({z, {0, bones.y - 5, bones.a + 4, bones.b + 4}});
  }
  inner.emplace_back(Loft(mediastinum));
  inner.emplace_back(Loft(septum));
  inner.emplace_back(Loft(paraspinal));
  const double back = spine.at(120).y + 22;
  inner.emplace_back(Ellipsoid{{13 + 0.75 * out, -14, 203 + 0.5 * out}, 18 * wide, 38, 22 * wide});  // aortic arch
  inner.emplace_back(
      tube({{12, back + 8, -130}, {14 + 0.3 * out, back + 4, 20}, {20 + 0.6 * out, back, 110}, {19 + out, back, 200}},
           12 * wide));                                                                             // descending aorta
  inner.emplace_back(tube({{-6, 14, 130}, {-12 - 0.3 * out, 18, 165}, {-9, 12, 195}}, 15 * wide));  // ascending aorta
  inner.emplace_back(tube({{-23, 8, 130}, {-23, 4, 200}, {-21, 2, 255}}, 8));   // superior vena cava
  inner.emplace_back(tube({{17, -8, 212}, {19, -12, 250}, {24, -8, 290}}, 8));  // left subclavian artery
  inner.emplace_back(Ellipsoid{{22, 14, 164}, 16, 22, 22});                     // pulmonary trunk
  inner.emplace_back(Ellipsoid{{-33, -10, 142}, 8, 12, 17});                    // hila
  inner.emplace_back(Ellipsoid{{32, -14, 152}, 9, 12, 14});
  return inner;
}

std::vector<Solid> make_air(const Anatomy& anatomy, double left_dome) {
  std::vector<Solid> air;
  const double lean = 0.35 * anatomy.aorta_mm;  // a wide arch pushes the trachea to the right
  air.emplace_back(tube({{-2, -17, 180}, {-2 - lean, -12, 215}, {-1, -4, 270}, {0, 14, 330}, {0, 24, 460}}, 9));
  air.emplace_back(tube({{-33, -20, 146}, {-18, -18, 162}, {-4, -17, 182}}, 6.5));
  air.emplace_back(tube({{38, -21, 143}, {20, -19, 160}, {2, -17, 182}}, 6));
  StreamRandom random({anatomy.seed, 1, 0, RandomPurpose::kOther});
  const double size = uniform_in(random, {0.6, 1.15});
  const double top = left_dome - 10, level = top - 22 * size;  // the stomach's bubble, flat where fluid begins
  air.emplace_back(Loft({{level, {60, 18, 30 * size, 17 * size}},
                         {level + 9 * size, {62, 18, 27 * size, 16 * size}},
                         {top, {66, 18, 0, 0}}}));
  for (int i = int(random.below(4)); i > 0; --i) {  // bowel
    const double x = uniform_in(random, {10, 105}), z = uniform_in(random, {-95, -20});
    air.emplace_back(Ellipsoid{{x, 40, z}, uniform_in(random, {9, 20}), 18, uniform_in(random, {7, 12})});
  }
  return air;
}

/// Buried in the chest wall at its top, so that only its lower border is sharp.
Loft make_breast(int side, double front, double thickness) {
  const double x = side * 72.0, a = 56 + 0.4 * thickness;
  return Loft({{40, {x, front - 6, 0, 0}},
               {52, {x, front - 5, 0.72 * a, 14 + 0.7 * thickness}},
               {74, {x, front - 3, a, 16 + thickness}},
               {105, {x, front - 12, 0.96 * a, 16 + 0.8 * thickness}},
               {140, {side * 68.0, front - 30, 0.8 * a, 18 + 0.4 * thickness}},
               {170, {side * 66.0, front - 50, 0, 0}}});
}

std::vector<Solid> make_outer(const Anatomy& anatomy, const Pose& pose, const Loft& torso) {
  std::vector<Solid> outer{torso};
  const double fat = anatomy.fat_mm, raised = pose.clavicle_mm * 0.7, roll = pose.scapula_mm * 0.3;
  const double front = 88 + 0.6 * fat, away = 30 + pose.scapula_mm;  // the arm: hanging, or elbows out
  for (const int side : {kRight, kLeft}) {
    if (anatomy.female) outer.emplace_back(make_breast(side, front, anatomy.breast_mm));
    if (pose.view == View::kLateral) {  // the arms are raised: the shoulders lie over apices and neck
      outer.emplace_back(Ellipsoid{{side * 120.0, 10, 352}, 42 + fat, 68, 84});
      continue;
    }
    if (!anatomy.female) outer.emplace_back(Ellipsoid{{side * 56.0, front - 14, 172}, 54, 21, 52});       // pectoral
    outer.emplace_back(Ellipsoid{{side * 92.0, -24, 246 + raised}, 66 + 0.5 * fat, 40 + 0.5 * fat, 42});  // trapezius
    outer.emplace_back(Ellipsoid{{side * 160.0, -22 + roll, 232 + raised}, 58 + fat, 46 + fat, 52});      // deltoid
    outer.emplace_back(Loft({{-20, {side * (236 + 2.4 * away), -6, 40 + fat / 2, 40 + fat / 2}},
                             {60, {side * (218 + 1.6 * away), -10, 44 + fat / 2, 42 + fat / 2}},
                             {150, {side * (203 + 0.8 * away), -14, 46 + fat / 2, 44 + fat / 2}},
                             {215, {side * 186.0, -18, 44 + fat / 2, 44 + fat / 2}},
                             {268, {side * 170.0, -18, 0, 0}}}));
  }
  return outer;
}

Lung make_lung(int side, const Anatomy& anatomy, const Pose& pose, const std::vector<Finding>& findings) {
  Lung lung;
  lung.side = side;
  lung.apex = {{side * 47.0, -6 + bend(anatomy, 290), 303}, 66, 62, 58, 2};
  const double dome = (side == kRight ? anatomy.right_dome_mm : anatomy.left_dome_mm) + pose.dome_shift_mm;
  lung.dome = {{side * 54.0, 10, dome}, 84, 106, anatomy.dome_curve_mm, 2.5};
  if (const Finding* effusion = find(findings, FindingKind::kEffusion); effusion && effusion->side == side) {
    // From a blunted costophrenic angle to fluid up to the hilum; the bowl's rim is the meniscus.
    const double level = dome - 38 + 92 * effusion->extent;
    lung.fluid = Dome{{side * 62.0, 16, level}, 78, 100, -42, 2.3};
  }
  if (const Finding* air = find(findings, FindingKind::kPneumothorax); air && air->side == side)
    lung.collapse_mm = 9 + 30 * air->extent;
  return lung;
}

}  // namespace

Ellipse Solid::at(double z) const {
  return std::visit([z](const auto& shape) { return shape.at(z); }, shape_);
}

Point Solid::centre() const {
  if (const auto* ellipsoid = std::get_if<Ellipsoid>(&shape_)) return ellipsoid->centre;
  const Loft& loft = std::get<Loft>(shape_);
  const Ellipse middle = loft.at((loft.bottom() + loft.top()) / 2);
  return {middle.x, loft.depth(), (loft.bottom() + loft.top()) / 2};
}

Body make_body(const Anatomy& drawn, const Pose& pose, const std::vector<Finding>& findings) {
  Anatomy anatomy = drawn;
  if (const Finding* large = find(findings, FindingKind::kCardiomegaly)) anatomy.heart = 1.31 + 0.22 * large->extent;
  const Loft thorax = make_thorax(anatomy), torso = make_torso(anatomy, thorax);
  const Loft heart = make_heart(anatomy, pose.dome_shift_mm), spine = make_spine(thorax);
  return {thorax,
          {make_lung(kRight, anatomy, pose, findings), make_lung(kLeft, anatomy, pose, findings)},
          heart,
          make_outer(anatomy, pose, torso),
          make_inner(anatomy, thorax, heart, spine),
          make_air(anatomy, anatomy.left_dome_mm + pose.dome_shift_mm),
          spine};
}

bool Body::in_lung(const Point& point, int side, double margin) const {
  if (point.x * side <= 0) return false;
  const Lung& lung = lungs[side == kRight ? 0 : 1];
  const double collapse = lung.collapse_mm;
  const auto within = [&](const Ellipse& section, double grown) {
    return section.grown(grown).contains(point.x, point.y);
  };
  if (!within(thorax.at(point.z), -margin - collapse) || !within(lung.apex.at(point.z + collapse), -margin))
    return false;
  if (within(lung.dome.at(point.z - margin), 0)) return false;
  if (lung.fluid && !within(lung.fluid->at(point.z - margin), 0)) return false;
  return std::none_of(inner.begin(), inner.end(),
                      [&](const Solid& solid) { return within(solid.at(point.z), margin); });
}

Point vertebra(const Body& body, int number) {
  // T1 to T12; discs grow downwards.
  const double t = number - 1, z = 314 - 19.5 * t - 0.33 * t * t;
  const Ellipse section = body.spine.at(std::clamp(z, body.spine.bottom(), body.spine.top()));
  return {section.x, section.y, z};
}

}  // namespace chexworld::phantom

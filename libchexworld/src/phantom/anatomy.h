// SPDX-License-Identifier: Apache-2.0
//
// What makes one made-up patient differ from another, one study from the next, and what can be wrong with them.
// Lengths in millimetres of an average adult, who is then scaled. Plain values.
#pragma once

#include "views/random.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace chexworld::phantom {

enum class View { kPA, kAP, kLateral };
std::string_view name_of(View view);  ///< "PA", "AP", "lateral"

enum class FindingKind { kEffusion, kNodule, kCardiomegaly, kPneumothorax, kConsolidation };
inline constexpr FindingKind kFindingKinds[] = {FindingKind::kEffusion, FindingKind::kNodule,
                                                FindingKind::kCardiomegaly, FindingKind::kPneumothorax,
                                                FindingKind::kConsolidation};
std::string_view name_of(FindingKind kind);  ///< "effusion", ...
/// Throws Failure(kInvalidArgument) naming the text and what there is.
FindingKind finding_from(std::string_view text);

inline constexpr int kRight = -1, kLeft = 1;  ///< the patient's sides, signs of x

struct Anatomy {
  bool female = false;
  int age_years = 50;
  double width = 1, depth = 1, height = 1;  ///< scales along x, y, z
  double fat_mm = 12;                       ///< between chest wall and skin
  double heart = 1;                         ///< width; 1 is a cardiothoracic ratio of about 0.45
  double heart_tilt_mm = 0;                 ///< the apex lower (positive) or higher
  double right_dome_mm = 62, left_dome_mm = 51, dome_curve_mm = 52;
  double aorta_mm = 0;      ///< how far arch and descending aorta stand out to the left
  double kyphosis_mm = 0;   ///< the upper spine bent forward
  double lung_density = 1;  ///< factor
  double bone_density = 1;
  double rib_slope = 1;
  double breast_mm = 0;  ///< thickness, 0 for men
  std::uint64_t seed = 0;
};

/// How the patient stood, and the geometry of the exposure.
struct Pose {
  View view = View::kPA;
  double focus_to_detector_mm = 1800, axis_to_detector_mm = 170;
  double rotation = 0;       ///< radians about the long axis
  double lean = 0;           ///< mm to the left per mm up
  double dome_shift_mm = 0;  ///< domes higher: shallow inspiration
  double scapula_mm = 0;     ///< rolled outwards
  double clavicle_mm = 0;    ///< higher
  double centre_z_mm = 150;  ///< where the central ray meets the axis
  double offset_mm[2] = {};  ///< film's centre from the central ray: right, up
  double field_mm[2] = {350, 430};
};

struct Finding {
  FindingKind kind = FindingKind::kNodule;
  int side = kRight;       ///< not for cardiomegaly
  double extent = 0.5;     ///< 0 to 1, from just visible to severe
  std::uint64_t seed = 0;  ///< of where it lies and what it looks like
};

Anatomy draw_anatomy(RandomSource& random, std::uint64_t seed);
Pose draw_pose(RandomSource& random, View view, const Anatomy& anatomy);
Finding draw_finding(RandomSource& random, FindingKind kind);

const Finding* find(const std::vector<Finding>& findings, FindingKind kind);

}  // namespace chexworld::phantom

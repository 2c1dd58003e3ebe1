// SPDX-License-Identifier: Apache-2.0
#include "phantom/anatomy.h"

#include "base/failure.h"

#include <algorithm>
#include <numbers>
#include <string>

namespace chexworld::phantom {

namespace {

constexpr double kDegree = std::numbers::pi / 180;

/// About normal, within three deviations: the sum of twelve uniform numbers.
double normal(RandomSource& random, double mean, double deviation) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.uniform();
  return mean + deviation * std::clamp(sum, -3.0, 3.0);
}

void draw_exposure_geometry(RandomSource& random, Pose& pose) {
  const bool portable = pose.view == View::kAP;
  pose.focus_to_detector_mm = portable ? normal(random, 1150, 80) : normal(random, 1800, 30);
  pose.axis_to_detector_mm = pose.view == View::kLateral ? 230 : 165;
  pose.centre_z_mm = normal(random, 150, 6);
  const bool landscape = portable || happens(random, 0.25);
  pose.field_mm[0] = landscape ? 430 : 365;
  pose.field_mm[1] = landscape && !happens(random, 0.5) ? 365 : 430;
  if (pose.view == View::kLateral) pose.field_mm[0] = 310, pose.field_mm[1] = 430;
  pose.offset_mm[0] = normal(random, 0, portable ? 9 : 5);
  pose.offset_mm[1] = normal(random, 0, portable ? 12 : 7);
}

}  // namespace

std::string_view name_of(View view) {
  switch (view) {
    case View::kPA: return "PA";
    case View::kAP: return "AP";
    case View::kLateral: break;
  }
  return "lateral";
}

std::string_view name_of(FindingKind kind) {
  constexpr std::string_view kNames[] = {"effusion", "nodule", "cardiomegaly", "pneumothorax", "consolidation"};
  return kNames[std::size_t(kind)];
}

FindingKind finding_from(std::string_view text) {
  std::string known;
  for (const FindingKind kind : kFindingKinds) {
    if (text == name_of(kind)) return kind;
    known += std::string(known.empty() ? "" : ", ") + std::string(name_of(kind));
  }
  fail(ErrorCode::kInvalidArgument, "no finding '" + std::string(text) + "' (there are: " + known + ")");
}

Anatomy draw_anatomy(RandomSource& random, std::uint64_t seed) {
  Anatomy anatomy;
  anatomy.seed = seed;
  anatomy.female = happens(random, 0.5);
  anatomy.age_years = int(std::clamp(normal(random, 56, 17), 19.0, 92.0));
  const double aged = std::clamp((anatomy.age_years - 40) / 45.0, 0.0, 1.0);
  const double build = normal(random, 0, 1);  // from lean to heavy
  anatomy.height = normal(random, anatomy.female ? 0.92 : 1.0, 0.045);
  anatomy.width = normal(random, anatomy.female ? 0.91 : 1.0, 0.04) + 0.015 * build;
  anatomy.depth = normal(random, anatomy.female ? 0.92 : 1.0, 0.06) + 0.03 * build + 0.06 * aged;
  anatomy.fat_mm = std::max(6.0, 15 + 8 * build + (anatomy.female ? 3 : 0));
  anatomy.heart = std::clamp(normal(random, 0.97 + 0.05 * aged, 0.055), 0.82, 1.1);
  anatomy.heart_tilt_mm = normal(random, -5 * build, 5);
  anatomy.right_dome_mm = normal(random, 62 + 3 * build, 6);
  anatomy.left_dome_mm = anatomy.right_dome_mm - std::max(1.0, normal(random, 11, 4));
  anatomy.dome_curve_mm = normal(random, 43, 5) - 7 * aged;
  anatomy.aorta_mm = 12 * aged * random.uniform() + normal(random, 0, 2);
  anatomy.kyphosis_mm = 18 * aged * random.uniform();
  anatomy.lung_density = normal(random, 1, 0.1) - 0.08 * aged;
  anatomy.bone_density = normal(random, 1, 0.09) - (anatomy.female ? 0.2 : 0.1) * aged;
  anatomy.rib_slope = normal(random, 1, 0.1);
  if (anatomy.female) anatomy.breast_mm = std::max(6.0, 24 + 9 * build + normal(random, 0, 7));
  return anatomy;
}

Pose draw_pose(RandomSource& random, View view, const Anatomy& anatomy) {
  Pose pose;
  pose.view = view;
  draw_exposure_geometry(random, pose);
  const bool portable = view == View::kAP;
  pose.rotation = kDegree * normal(random, 0, portable ? 3.2 : 1.3);
  pose.lean = normal(random, 0, portable ? 0.022 : 0.009);
  pose.dome_shift_mm = portable ? normal(random, 24, 9) : normal(random, 0, 6);
  pose.scapula_mm = portable ? normal(random, 2, 5) : normal(random, 30, 7);
  pose.clavicle_mm = portable ? normal(random, 14, 6) : normal(random, 0, 5);
  // Larger patients need the same film: what does not fit is cut off at the abdomen.
  pose.centre_z_mm -= 20 * (anatomy.height - 1);
  return pose;
}

Finding draw_finding(RandomSource& random, FindingKind kind) {
  Finding finding;
  finding.kind = kind;
  finding.side = happens(random, 0.55) ? kRight : kLeft;
  finding.extent = random.uniform();
  finding.seed = std::uint64_t(random.uniform() * 0x1p24);
  return finding;
}

const Finding* find(const std::vector<Finding>& findings, FindingKind kind) {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [kind](const Finding& finding) { return finding.kind == kind; });
  return found == findings.end() ? nullptr : &*found;
}

}  // namespace chexworld::phantom

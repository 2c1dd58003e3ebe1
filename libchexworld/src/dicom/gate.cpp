// SPDX-License-Identifier: Apache-2.0
#include "dicom/gate.h"

#include "dicom/body_part_words.h"
#include "dicom/own_results.h"
#include "dicom/view_tags.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>

namespace chexworld {
namespace {

using std::string_view;

// SOP Class UIDs (PS3.6 annex A).
constexpr string_view kStorageRoot = "1.2.840.10008.5.1.4.1.1.";
constexpr string_view kRadiographClasses[] = {
    "1.2.840.10008.5.1.4.1.1.1",      // Computed Radiography
    "1.2.840.10008.5.1.4.1.1.1.1",    // Digital X-Ray, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  // Digital X-Ray, for processing
};
constexpr string_view kSecondaryCaptureClasses[] = {
    "1.2.840.10008.5.1.4.1.1.7",    // Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.1",  // multi-frame: single bit,
    "1.2.840.10008.5.1.4.1.1.7.2",  //   grayscale byte,
    "1.2.840.10008.5.1.4.1.1.7.3",  //   grayscale word,
    "1.2.840.10008.5.1.4.1.1.7.4",  //   true colour
};
// Below kStorageRoot: waveforms, presentation states, spatial objects, raw data, documents, reports, plans.
constexpr string_view kNonImageBranches[] = {"9.", "11.", "66", "67", "68", "88.", "90.", "104.", "200.", "201."};
constexpr string_view kNonImageClasses[] = {"481.3", "481.4", "481.5", "481.6", "481.7", "481.8", "481.9"};
constexpr string_view kSegmentations[] = {"66.4", "66.5", "66.7", "66.8"};

// Thresholds for pictures; docs/imaging.md has what they do on real films.
constexpr double kWidestChest = 2;     // width over height inside the margins, or the reverse
constexpr int kFewestFilmLevels = 16;  // grey levels in a picture that is not drawn
constexpr int kLeastShortSide = 224;   // pixels
constexpr double kNotableBlackShare = 0.15;
constexpr double kSurelyFrontal = 0.7;   // likeness that contradicts "lateral"
constexpr double kHardlyFrontal = 0.05;  // likeness that contradicts "frontal"

constexpr string_view kRadiographModalities[] = {"CR", "DX", "RG", "DR", "XR"};
constexpr string_view kUndecidedModalities[] = {"", "OT", "SC"};
constexpr string_view kNonImageModalities[] = {"SR",   "PR",  "KO",    "DOC", "RTPLAN", "RTSTRUCT", "RTRECORD",
                                               "REG",  "FID", "AU",    "ECG", "HD",     "EPS",      "PLAN",
                                               "ASMT", "RWV", "STAIN", "SMR", "M3D",    "RESP",     "TEXTUREMAP"};

template <std::size_t N>
bool is_one_of(string_view text, const string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

bool says(const std::vector<std::string>& values, string_view wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

bool is_radiograph_class(string_view uid) { return is_one_of(uid, kRadiographClasses); }

bool is_non_image_class(string_view uid) {
  if (!uid.starts_with(kStorageRoot)) return !uid.empty() && uid.starts_with("1.2.840.10008.");  // e.g. DICOMDIR
  uid.remove_prefix(kStorageRoot.size());
  if (is_one_of(uid, kSegmentations)) return false;  // pictures, though not of a modality
  const bool branch = std::any_of(std::begin(kNonImageBranches), std::end(kNonImageBranches),
                                  [&](string_view prefix) { return uid.starts_with(prefix); });
  return branch || is_one_of(uid, kNonImageClasses);
}

bool is_own_result(const RadiographTags& tags) {
  const string_view uid = tags.sop_instance_uid;
  if (uid.starts_with(kOwnUidRoot) && uid.substr(kOwnUidRoot.size()).starts_with('.')) return true;
  return tags.manufacturer == kOwnManufacturer && tags.model_name == kOwnResultModel;
}

GateVerdict skip(GateReason reason, std::string detail) {
  GateVerdict verdict;
  verdict.reason = reason;
  verdict.detail = std::move(detail);
  return verdict;
}

/// Body Part Examined first, then the coded region, then descriptions.
BodyPart body_part_by_tags(const RadiographTags& tags) {
  const BodyPart said = body_part_of(tags.body_part);
  if (said != BodyPart::kUnknown) return said;
  for (const std::string& code : tags.region_codes) {
    if (code == "51185008" || code == "T-D3000" || body_part_of(code) == BodyPart::kChest) return BodyPart::kChest;
    if (body_part_of(code) == BodyPart::kOther) return BodyPart::kOther;
  }
  return BodyPart::kUnknown;
}

BodyPart body_part_by_descriptions(const RadiographTags& tags) {
  std::string all;
  for (const std::string& description : tags.descriptions) all += description + "; ";
  return body_part_of(all);
}

/// What kind of object it is, before asking which body part; accepted means: a single radiograph, maybe.
GateVerdict judge_kind(const RadiographTags& tags) {
  if (is_own_result(tags)) return skip(GateReason::kOwnResult, "made by chexworld");
  if (is_non_image_class(tags.sop_class_uid) || is_one_of(tags.modality, kNonImageModalities))
    return skip(GateReason::kNotAnImage, "by its SOP class or modality");
  if (says(tags.image_type, "LOCALIZER")) return skip(GateReason::kLocalizer, "Image Type says LOCALIZER");
  const bool modality_fits =
      is_one_of(tags.modality, kRadiographModalities) || is_one_of(tags.modality, kUndecidedModalities);
  if (!modality_fits) return skip(GateReason::kOtherModality, "Modality is " + presentable(tags.modality));
  const bool class_fits = tags.sop_class_uid.empty() || is_radiograph_class(tags.sop_class_uid) ||
                          is_one_of(tags.sop_class_uid, kSecondaryCaptureClasses) ||
                          !tags.sop_class_uid.starts_with(kStorageRoot);
  if (!class_fits) return skip(GateReason::kOtherModality, "the SOP class is not one of radiographs");
  if (tags.frames > 1) return skip(GateReason::kMultiFrame, std::to_string(tags.frames) + " frames");
  return {};
}

bool may_be_anything(const RadiographTags& tags) {
  return !is_radiograph_class(tags.sop_class_uid) && !is_one_of(tags.modality, kRadiographModalities);
}

TagVerdict judge_body_part(const RadiographTags& tags) {
  const BodyPart by_tags = body_part_by_tags(tags), by_text = body_part_by_descriptions(tags);
  const bool chest = by_tags == BodyPart::kChest || by_tags == BodyPart::kBoth ||
                     (by_tags == BodyPart::kUnknown && by_text == BodyPart::kChest);
  if (chest) return {{}, ChestEvidence::kSaid};
  if (by_tags == BodyPart::kOther)
    return {skip(GateReason::kNotChest, "Body Part Examined or Anatomic Region names another part"), {}};
  if (by_text == BodyPart::kOther) return {skip(GateReason::kNotChest, "its description names another part"), {}};
  if (may_be_anything(tags))
    return {skip(GateReason::kSecondaryCapture, "nothing says that it shows a chest radiograph"), {}};
  if (!tags.has_pixel_data) return {skip(GateReason::kNoPixelData, "no Pixel Data (7FE0,0010)"), {}};
  return {};
}

bool cannot_be_a_chest(const FilmLook& look) {
  const double aspect = look.content_aspect;
  return aspect > kWidestChest || aspect < 1 / kWidestChest || look.grey_levels < kFewestFilmLevels ||
         look.near_constant() || look.unlike_any_chest();
}

bool view_contradicted(View view, const FilmLook& look) {
  if (look.near_constant() || look.looks_negative()) return false;
  if (view == View::kLateral) return look.chest_likeness >= kSurelyFrontal;
  return view == View::kFrontal && look.chest_likeness < kHardlyFrontal;
}

}  // namespace

TagVerdict judge_by_tags(const RadiographTags& tags) {
  const GateVerdict kind = judge_kind(tags);
  if (!kind.accepted()) return {kind, ChestEvidence::kNone};
  TagVerdict result = judge_body_part(tags);
  if (result.verdict.accepted()) read_view(tags, result.verdict);
  return result;
}

GateVerdict judge_by_picture(const TagVerdict& by_tags, const FilmLook& look) {
  GateVerdict verdict = by_tags.verdict;
  if (!verdict.accepted()) return verdict;
  if (by_tags.chest == ChestEvidence::kNone && cannot_be_a_chest(look))
    return skip(GateReason::kNotChest, "no tag names the chest, and the picture does not look like one");
  if (verdict.view == View::kUnknown && look.shows_two_lungs()) {
    verdict.view = View::kFrontal;
    verdict.view_from = Evidence::kPicture;
  }
  return verdict;
}

std::vector<QualityNote> quality_notes(const RadiographTags& tags, const GateVerdict& verdict, const FilmLook& look) {
  std::vector<QualityNote> notes;
  const auto note = [&](bool condition, QualityNote what) {
    if (condition) notes.push_back(what);
  };
  const double aspect = tags.rows > 0 ? double(tags.columns) / tags.rows : 1;
  note(std::min(tags.rows, tags.columns) < kLeastShortSide, QualityNote::kTooSmall);
  note(look.near_constant(), QualityNote::kNearConstant);
  note(!look.near_constant() && look.low_contrast(), QualityNote::kLowContrast);
  note(look.black_border_share > kNotableBlackShare, QualityNote::kBlackFrame);
  note(aspect > 2 || aspect < 0.5, QualityNote::kExtremeAspect);
  note(look.looks_negative(), QualityNote::kPolarityDoubtful);
  note(view_contradicted(verdict.view, look), QualityNote::kViewDoubtful);
  note(tags.burned_in_annotation == "YES", QualityNote::kBurnedInText);
  note(tags.presentation_intent == "FOR PROCESSING" || tags.sop_class_uid == kRadiographClasses[2],
       QualityNote::kForProcessing);
  return notes;
}

}  // namespace chexworld

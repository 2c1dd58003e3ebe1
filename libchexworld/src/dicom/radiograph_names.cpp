// SPDX-License-Identifier: Apache-2.0
//
// The stable names of everything <chexworld/radiograph.h> counts up.
#include <chexworld/radiograph.h>

namespace chexworld {

std::string_view name_of(GateReason reason) {
  switch (reason) {
    case GateReason::kAccepted: return "accepted";
    case GateReason::kOwnResult: return "own-result";
    case GateReason::kNotAnImage: return "not-an-image";
    case GateReason::kOtherModality: return "other-modality";
    case GateReason::kLocalizer: return "localizer";
    case GateReason::kSecondaryCapture: return "secondary-capture";
    case GateReason::kMultiFrame: return "multi-frame";
    case GateReason::kNotChest: return "not-chest";
    case GateReason::kNoPixelData: return "no-pixel-data";
  }
  return "unknown";
}

std::string_view name_of(View view) {
  switch (view) {
    case View::kFrontal: return "frontal";
    case View::kLateral: return "lateral";
    case View::kUnknown: break;
  }
  return "unknown";
}

std::string_view name_of(Projection projection) {
  switch (projection) {
    case Projection::kPosteroAnterior: return "PA";
    case Projection::kAnteroPosterior: return "AP";
    case Projection::kUnknown: break;
  }
  return "unknown";
}

std::string_view name_of(Evidence evidence) {
  switch (evidence) {
    case Evidence::kTags: return "tags";
    case Evidence::kDescription: return "description";
    case Evidence::kPicture: return "picture";
    case Evidence::kNone: break;
  }
  return "none";
}

std::string_view name_of(QualityNote note) {
  switch (note) {
    case QualityNote::kTooSmall: return "too-small";
    case QualityNote::kNearConstant: return "near-constant";
    case QualityNote::kLowContrast: return "low-contrast";
    case QualityNote::kBlackFrame: return "black-frame";
    case QualityNote::kExtremeAspect: return "extreme-aspect";
    case QualityNote::kPolarityDoubtful: return "polarity-doubtful";
    case QualityNote::kViewDoubtful: return "view-doubtful";
    case QualityNote::kBurnedInText: return "burned-in-text";
    case QualityNote::kForProcessing: return "for-processing";
    case QualityNote::kDoubtful: return "doubtful";
  }
  return "unknown";
}

}  // namespace chexworld

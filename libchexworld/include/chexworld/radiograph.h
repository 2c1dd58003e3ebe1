// SPDX-License-Identifier: Apache-2.0
//
// One DICOM object in, one rendered and judged chest radiograph out.
//
// What is done, in this order: the object is opened under limits, judged by its tags (the gate), decoded, rendered
// along the grayscale pipeline (PS3.4 N.2; Modality LUT C.11.1, VOI LUT C.11.2, Presentation LUT Shape C.11.6,
// Pixel Padding C.7.5.1.1.2), and judged once more by the picture itself.
//
// Thread safety: the functions keep no state and may be called from any thread; results are plain values.
// Errors: kNotFound, kInputOutput (file), kMalformed (not what it claims to be), kUnsupported (a kind of pixel we do
// not read), kTooLarge and kTimeout (over a limit). Messages name the tag or place, never a patient.
#pragma once

#include <chexworld/export.h>
#include <chexworld/image.h>
#include <chexworld/result.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld {

/// Why an object gets an embedding, or why it does not. Skipping is an answer, not an error.
enum class GateReason {
  kAccepted,          ///< a chest radiograph, as far as anything tells
  kOwnResult,         ///< made by chexworld
  kNotAnImage,        ///< report, document, plan, presentation state, directory, ...
  kOtherModality,     ///< picture of another modality: CT, MR, US, XA, RT dose, segmentation, ...
  kLocalizer,         ///< scout view of a scanner
  kSecondaryCapture,  ///< screen shot, report page or test picture without a word about a chest radiograph
  kMultiFrame,        ///< more than one frame
  kNotChest,          ///< radiograph of another body part, by its tags or by the picture
  kNoPixelData,       ///< a picture by its class, but without pixels, and not known to be a chest
};
/// Stable kebab-case name: "accepted", "own-result", "not-an-image", ...
CHEXWORLD_API std::string_view name_of(GateReason reason);

enum class View { kUnknown, kFrontal, kLateral };
CHEXWORLD_API std::string_view name_of(View view);  ///< "unknown", "frontal", "lateral"

enum class Projection { kUnknown, kPosteroAnterior, kAnteroPosterior };
CHEXWORLD_API std::string_view name_of(Projection projection);  ///< "unknown", "PA", "AP"

/// What told the view.
enum class Evidence {
  kNone,
  kTags,         ///< View Position, View Code Sequence, Patient Orientation
  kDescription,  ///< text of series or study, Patient Position used for a view
  kPicture,
};
CHEXWORLD_API std::string_view name_of(Evidence evidence);  ///< "none", "tags", "description", "picture"

struct GateVerdict {
  GateReason reason = GateReason::kAccepted;
  View view = View::kUnknown;
  Projection projection = Projection::kUnknown;  ///< only of frontal views
  Evidence view_from = Evidence::kNone;
  std::string detail;  ///< a clause for people, e.g. "Modality is CT"; nothing that identifies a patient

  bool accepted() const { return reason == GateReason::kAccepted; }
};

/// What may be wrong with an accepted picture; it is processed nevertheless.
enum class QualityNote {
  kTooSmall,          ///< short side under 224 pixels
  kNearConstant,      ///< hardly any contrast inside the picture
  kLowContrast,       ///< the object's own window leaves less than a quarter of the grey scale
  kBlackFrame,        ///< more than 15 % of the area is black border
  kExtremeAspect,     ///< longer than twice its width, or the reverse
  kPolarityDoubtful,  ///< looks like a negative
  kViewDoubtful,      ///< the tags' view does not fit the picture
  kBurnedInText,      ///< Burned In Annotation says YES
  kForProcessing,     ///< raw detector data: contrast is not what a reader would see
  kDoubtful,          ///< the object contradicts the standard or is damaged; see Radiograph::doubts
};
/// Stable kebab-case name: "too-small", "near-constant", ...
CHEXWORLD_API std::string_view name_of(QualityNote note);

/// What the tags say, without names, identifiers, dates or free text.
struct RadiographAttributes {
  std::string sop_class_uid;
  std::string sop_instance_uid;  ///< key of results; not for logs
  std::string transfer_syntax;   ///< name
  std::string modality;
  std::string photometric_interpretation;
  int rows = 0;     ///< as stored
  int columns = 0;  ///< as stored
  int bits_stored = 0;
  std::string decoder;   ///< which path decodes the pixels, e.g. "OpenJPEG at 1/8 (wavelet levels)"
  std::string contrast;  ///< what decided the contrast: "voi-lut", "linear", "range", ...
};

enum class Contrast {
  kAsStored,    ///< VOI LUT or window of the object; without any, kRange
  kRange,       ///< smallest to largest value that is not padding
  kPercentile,  ///< the same between two percentiles
};

struct RenderOptions {
  bool fast = false;     ///< decode straight to a smaller size where that is possible
  int short_side = 512;  ///< with `fast`: least short side of the result, pixels
  Contrast contrast = Contrast::kAsStored;
  int window = 0;               ///< which of the object's own: VOI LUTs first, then windows, from 0
  double low_percent = 0.5;     ///< of kPercentile
  double high_percent = 99.5;   ///< of kPercentile
  bool float_picture = false;   ///< fill Radiograph::grey too
  bool render_skipped = false;  ///< render whatever has pixels, also what the gate skips
};

/// The result. Where the gate skips an object by its tags, the picture is empty.
struct Radiograph {
  GateVerdict gate;
  GrayImage picture;        ///< u8[H,W], as a viewer shows it, orientation as stored, overlays not drawn
  std::vector<float> grey;  ///< f32[H,W] in [0,1], the same before rounding to 8 bits; only on request
  std::vector<QualityNote> quality;
  std::vector<std::string> doubts;  ///< sentences behind QualityNote::kDoubtful
  RadiographAttributes attributes;
};

CHEXWORLD_API Result<Radiograph> load_radiograph(const std::filesystem::path& path, const RenderOptions& options = {});
/// The bytes of a DICOM file (PS3.10); they must stay valid during the call.
CHEXWORLD_API Result<Radiograph> load_radiograph(std::span<const std::byte> bytes, const RenderOptions& options = {});

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
//
// Stored values to grey, as DICOM's grayscale pipeline says (PS3.4 N.2, PS3.3 C.11.1, C.11.2, C.7.6.3):
//
//   stored value -> modality LUT or rescale -> VOI LUT or window -> presentation (inverted or not) -> grey in [0,1]
//
// All of it depends on one stored value of at most 16 bits, so it is compiled into tables of 65536 entries and
// applied in one pass. Everything here is a plain value or immutable after construction: any thread may use it.
#pragma once

#include "image/image.h"
#include "image/resample.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace chexworld {

/// One item of a Modality or VOI LUT Sequence (PS3.3 C.11.1.1, C.11.2.1.1). Inputs below `first_mapped` take the
/// first entry, inputs beyond the table the last one.
struct LookupTable {
  int first_mapped = 0;
  int bits = 16;  ///< of an entry, 1 to 16
  std::vector<std::uint16_t> entries;
};

/// VOI LUT Function (PS3.3 C.11.2.1.3).
enum class VoiFunction { kLinear, kLinearExact, kSigmoid };

/// Window Center and Width, in the units of the modality LUT's output.
struct Window {
  double center = 0;
  double width = 0;
  VoiFunction function = VoiFunction::kLinear;

  /// Width at least 1 for LINEAR, above 0 otherwise, both numbers finite (PS3.3 C.11.2.1.2).
  bool usable() const;
};

/// Stored values that stand for "no image here" (PS3.3 C.7.5.1.1.2); both ends belong to it. Drawn black.
struct PixelPadding {
  int first = 0;
  int last = 0;
};

/// What an object says about turning its stored values into grey.
struct GrayscaleAttributes {
  double rescale_slope = 1;
  double rescale_intercept = 0;
  std::optional<LookupTable> modality_lut;  ///< comes before rescale
  std::vector<LookupTable> voi_luts;        ///< come before windows
  std::vector<Window> windows;              ///< only usable ones
  std::optional<PixelPadding> padding;
  bool inverted = false;  ///< Presentation LUT Shape INVERSE, or MONOCHROME1 where the shape is absent
};

/// How contrast is chosen.
struct ContrastPolicy {
  enum class Kind {
    kAsStored,    ///< the object's VOI LUT or window; without any, kRange
    kRange,       ///< smallest to largest value that is not padding
    kPercentile,  ///< the same between two percentiles, against markers and hot pixels
  };
  Kind kind = Kind::kAsStored;
  int choice = 0;  ///< which one of kAsStored's: VOI LUTs first, then windows; beyond them, the last
  double low_percent = 0.5;
  double high_percent = 99.5;

  friend bool operator==(const ContrastPolicy&, const ContrastPolicy&) = default;
};

/// What decided the contrast of a rendered picture.
enum class ContrastSource { kVoiLut, kLinear, kLinearExact, kSigmoid, kRange, kPercentile, kColour };

/// Stable kebab-case name: "voi-lut", "linear", "linear-exact", "sigmoid", "range", "percentile", "colour".
std::string_view name_of(ContrastSource source);

/// The source that `policy` leads to for an object with these attributes.
ContrastSource contrast_source(const GrayscaleAttributes& attributes, const ContrastPolicy& policy);

/// Whether that source is measured on the pixels, so that reduced pixels would give another picture.
bool measured_on_pixels(ContrastSource source);

/// The whole pipeline of one object, compiled.
class GrayscaleTransform {
 public:
  /// `pixels` is looked at only where the contrast is measured on it; u16[rows, columns].
  GrayscaleTransform(const GrayscaleAttributes& attributes, const ContrastPolicy& policy, const StoredPixels& pixels);

  /// 8 bits, round half up: u8[rows, columns].
  GrayImage to_gray(const StoredPixels& pixels) const;
  /// Grey in [0,1], 0 black: f32[rows, columns].
  FloatImage to_float(const StoredPixels& pixels) const;

  ContrastSource source() const { return source_; }

 private:
  std::unique_ptr<double[]> compile(const GrayscaleAttributes& attributes, const ContrastPolicy& policy,
                                    const StoredPixels& pixels) const;

  ContrastSource source_;
  std::vector<float> float_table_;        // by stored value, taken as unsigned 16 bits
  std::vector<std::uint8_t> gray_table_;  // likewise
};

}  // namespace chexworld

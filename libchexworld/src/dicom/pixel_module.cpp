// SPDX-License-Identifier: Apache-2.0
#include "dicom/pixel_module.h"

#include "base/failure.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace chexworld {
namespace {

struct Attribute {
  DicomTag tag;
  std::string_view name;

  std::string text() const { return std::string(name) + " " + to_string(tag); }
};

constexpr Attribute kRows{tags::kRows, "Rows"};
constexpr Attribute kColumns{tags::kColumns, "Columns"};
constexpr Attribute kSamples{tags::kSamplesPerPixel, "Samples per Pixel"};
constexpr Attribute kBitsAllocated{tags::kBitsAllocated, "Bits Allocated"};
constexpr Attribute kBitsStored{tags::kBitsStored, "Bits Stored"};
constexpr Attribute kHighBit{tags::kHighBit, "High Bit"};
constexpr Attribute kRepresentation{tags::kPixelRepresentation, "Pixel Representation"};
constexpr Attribute kPlanar{tags::kPlanarConfiguration, "Planar Configuration"};
constexpr Attribute kFrames{tags::kNumberOfFrames, "Number of Frames"};

[[noreturn]] void malformed(const std::string& message) { fail(ErrorCode::kMalformed, message); }

struct Allowed {
  std::int64_t least;
  std::int64_t most;
};

std::int64_t in_range(const Attribute& attribute, std::int64_t value, Allowed allowed) {
  if (value < allowed.least || value > allowed.most) {
    malformed(attribute.text() + " is " + std::to_string(value) + ", allowed are " + std::to_string(allowed.least) +
              " to " + std::to_string(allowed.most));
  }
  return value;
}

int required(const DicomDataset& dataset, const Attribute& attribute, Allowed allowed) {
  const auto value = dataset.integer(attribute.tag);
  if (!value) malformed(attribute.text() + " is missing");
  return int(in_range(attribute, *value, allowed));
}

int optional(const DicomDataset& dataset, const Attribute& attribute, int fallback, Allowed allowed) {
  return int(in_range(attribute, dataset.integer(attribute.tag).value_or(fallback), allowed));
}

struct PhotometricTerm {
  std::string_view term;
  Photometric photometric;
  int samples;
};
constexpr auto kTerms = std::to_array<PhotometricTerm>({
    {"MONOCHROME1", Photometric::kMonochrome1, 1},
    {"MONOCHROME2", Photometric::kMonochrome2, 1},
    {"PALETTE COLOR", Photometric::kPaletteColor, 1},
    {"RGB", Photometric::kRgb, 3},
    {"YBR_FULL", Photometric::kYbrFull, 3},
    {"YBR_FULL_422", Photometric::kYbrFull422, 3},
    {"YBR_ICT", Photometric::kYbrIct, 3},
    {"YBR_RCT", Photometric::kYbrRct, 3},
});

void read_photometric(const DicomDataset& dataset, PixelModule& module) {
  const std::string name = "Photometric Interpretation " + to_string(tags::kPhotometricInterpretation);
  const auto text = dataset.text(tags::kPhotometricInterpretation);
  if (!text) malformed(name + " is missing");
  const auto term = std::find_if(kTerms.begin(), kTerms.end(), [&](const auto& t) { return t.term == *text; });
  if (term == kTerms.end()) {
    fail(ErrorCode::kUnsupported, name +
                                      " is none of MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB, YBR_FULL, "
                                      "YBR_FULL_422, YBR_ICT, YBR_RCT");
  }
  if (term->samples != module.samples_per_pixel) {
    malformed(kSamples.text() + " is " + std::to_string(module.samples_per_pixel) + ", but " + std::string(term->term) +
              " has " + std::to_string(term->samples));
  }
  module.photometric = term->photometric;
}

void read_bits(const DicomDataset& dataset, PixelModule& module) {
  module.bits_allocated = required(dataset, kBitsAllocated, {1, 64});
  module.bits_stored = required(dataset, kBitsStored, {1, module.bits_allocated});
  module.high_bit =
      optional(dataset, kHighBit, module.bits_stored - 1, {module.bits_stored - 1, module.bits_allocated - 1});
  module.is_signed = optional(dataset, kRepresentation, 0, {0, 1}) == 1;
  if (module.bits_allocated != 8 && module.bits_allocated != 16) {
    fail(ErrorCode::kUnsupported,
         kBitsAllocated.text() + " is " + std::to_string(module.bits_allocated) + "; only 8 and 16 are handled");
  }
}

void check_limits(const PixelModule& module, const DecodeLimits& limits) {
  if (module.pixels() > limits.max_pixels) {
    fail(ErrorCode::kTooLarge, std::to_string(module.rows) + " x " + std::to_string(module.columns) +
                                   " pixels are more than the limit of " + std::to_string(limits.max_pixels));
  }
  if (module.frame_bytes() > limits.max_bytes) {
    fail(ErrorCode::kTooLarge, "a frame of " + std::to_string(module.frame_bytes()) + " bytes is over the limit of " +
                                   std::to_string(limits.max_bytes));
  }
}

}  // namespace

std::uint64_t PixelModule::frame_bytes() const {
  const std::uint64_t bytes_per_sample = std::uint64_t(bits_allocated) / 8;
  // two luma and two chroma samples for every two pixels (PS3.3 section C.7.6.3.1.2)
  if (photometric == Photometric::kYbrFull422) return std::uint64_t(rows) * ((std::uint64_t(columns) + 1) / 2) * 4;
  return pixels() * std::uint64_t(samples_per_pixel) * bytes_per_sample;
}

PixelModule read_pixel_module(const DicomFile& file) {
  const DicomDataset& dataset = file.dataset();
  PixelModule module;
  module.rows = required(dataset, kRows, {1, 65535});
  module.columns = required(dataset, kColumns, {1, 65535});
  module.samples_per_pixel = optional(dataset, kSamples, 1, {1, 3});
  read_bits(dataset, module);
  read_photometric(dataset, module);
  module.planar = optional(dataset, kPlanar, 0, {0, 1}) == 1;
  const auto frames = dataset.integer(tags::kNumberOfFrames).value_or(1);
  if (frames > std::int64_t(file.limits().max_frames)) {
    fail(ErrorCode::kTooLarge, kFrames.text() + " is " + std::to_string(frames) + ", the limit is " +
                                   std::to_string(file.limits().max_frames));
  }
  module.frames = int(in_range(kFrames, frames, {1, INT32_MAX}));
  check_limits(module, file.limits());
  return module;
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "sandbox/prepare_radiograph.h"

#include "base/failure.h"
#include "dicom/gate.h"
#include "dicom/radiograph.h"
#include "image/film_look.h"
#include "image/png.h"
#include "sandbox/picture_header.h"

namespace chexworld {
namespace {

using SteadyClock = std::chrono::steady_clock;

double milliseconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

Radiograph read_dicom(std::span<const std::byte> bytes, const PreparationRecipe& recipe, const DecoderOptions& options,
                      InstanceTags& tags) {
  const DicomFile file = DicomFile::from_view(bytes, options.limits);
  tags = read_instance_tags(file, options.pseudonym_key);
  return load_radiograph(file, options_for(recipe, options.fast));
}

Radiograph read_plain_picture(std::span<const std::byte> bytes, const PictureHeader& header,
                              const DecodeLimits& limits) {
  require_within(header, limits);
  Radiograph radiograph;
  radiograph.picture = decode_picture(bytes);
  radiograph.attributes.rows = radiograph.picture.height;
  radiograph.attributes.columns = radiograph.picture.width;
  radiograph.attributes.bits_stored = 8;
  radiograph.attributes.decoder = "OpenCV";
  radiograph.quality = quality_notes({}, radiograph.gate, look_at(radiograph.picture));
  return radiograph;
}

}  // namespace

PreparedRadiograph prepare_radiograph(std::span<const std::byte> bytes, const PreparationRecipe& recipe,
                                      const DecoderOptions& options) {
  require_possible(recipe);
  const auto start = SteadyClock::now();
  PreparedRadiograph result;
  const auto picture = read_picture_header(bytes);
  Radiograph radiograph =
      picture ? read_plain_picture(bytes, *picture, options.limits) : read_dicom(bytes, recipe, options, result.tags);
  result.decode_ms = milliseconds_since(start);
  const auto decoded = SteadyClock::now();
  if (radiograph.gate.accepted()) result.view = fitted_view(radiograph.picture, recipe);
  result.prepare_ms = milliseconds_since(decoded);
  result.gate = std::move(radiograph.gate);
  result.quality = std::move(radiograph.quality);
  result.doubts = std::move(radiograph.doubts);
  result.attributes = std::move(radiograph.attributes);
  return result;
}

void fill_pixels(PreparedRadiograph& radiograph, const Normalization& normalization) {
  if (radiograph.view.pixels.empty()) return;
  const auto start = SteadyClock::now();
  radiograph.pixels.resize(3 * radiograph.view.pixels.size());
  normalize(radiograph.view, normalization, radiograph.pixels);
  radiograph.prepare_ms += milliseconds_since(start);
}

}  // namespace chexworld

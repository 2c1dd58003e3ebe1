// SPDX-License-Identifier: Apache-2.0
#include "sandbox/prepare_radiograph.h"

#include "base/failure.h"
#include "dicom/gate.h"
#include "dicom/radiograph.h"
#include "image/film_look.h"
#include "image/png.h"
#include "sandbox/picture_header.h"

#include <algorithm>
#include <cmath>

namespace chexworld {
namespace {

using SteadyClock = std::chrono::steady_clock;

double milliseconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

/// A picture no larger than `side`, its aspect kept.
GrayImage reduced_to(GrayImage picture, int side) {
  const int longest = std::max(picture.width, picture.height);
  if (longest <= side) return picture;
  const auto scaled = [&](int length) { return std::max(1, int(std::lround(double(length) * side / longest))); };
  return resize(picture, PixelSize{scaled(picture.height), scaled(picture.width)});
}

/// The film for people. What was decoded for the network may be smaller: then it is decoded once more.
GrayImage film_of(const DicomFile& file, const GrayImage& decoded, RenderOptions options, int film_side) {
  if (options.fast && std::max(decoded.width, decoded.height) < film_side) {
    options.short_side = film_side;
    return reduced_to(load_radiograph(file, options).picture, film_side);
  }
  return reduced_to(decoded, film_side);
}

Radiograph read_dicom(std::span<const std::byte> bytes, const PreparationRecipe& recipe, const DecoderOptions& options,
                      int film_side, PreparedRadiograph& result) {
  const DicomFile file = DicomFile::from_view(bytes, options.limits);
  result.tags = read_instance_tags(file, options.pseudonym_key);
  const RenderOptions render = options_for(recipe, options.fast);
  Radiograph radiograph = load_radiograph(file, render);
  if (film_side > 0 && radiograph.gate.accepted()) result.film = film_of(file, radiograph.picture, render, film_side);
  return radiograph;
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
  const FilmLook look = look_at(radiograph.picture);
  radiograph.gate = judge_by_picture({radiograph.gate, ChestEvidence::kSaid}, look);
  radiograph.quality = quality_notes({}, radiograph.gate, look);
  return radiograph;
}

}  // namespace

PreparedRadiograph prepare_radiograph(std::span<const std::byte> bytes, const PreparationRecipe& recipe,
                                      const DecoderOptions& options, int film_side) {
  require_possible(recipe);
  require_film_side(film_side);
  const auto start = SteadyClock::now();
  PreparedRadiograph result;
  const auto picture = read_picture_header(bytes);
  Radiograph radiograph = picture ? read_plain_picture(bytes, *picture, options.limits)
                                  : read_dicom(bytes, recipe, options, film_side, result);
  if (picture && film_side > 0) result.film = reduced_to(radiograph.picture, film_side);
  result.decode_ms = milliseconds_since(start);
  const auto decoded = SteadyClock::now();
  if (radiograph.gate.accepted()) result.view = fitted_view(radiograph.picture, recipe);
  if (!result.film.pixels.empty()) result.window = view_window(radiograph.picture, recipe);
  result.prepare_ms = milliseconds_since(decoded);
  result.gate = std::move(radiograph.gate);
  result.quality = std::move(radiograph.quality);
  result.doubts = std::move(radiograph.doubts);
  result.attributes = std::move(radiograph.attributes);
  return result;
}

void require_film_side(int film_side) {
  if (film_side < 0 || film_side > kLargestFilmSide)
    fail(ErrorCode::kInvalidArgument,
         "a film for people may have a side of at most " + std::to_string(kLargestFilmSide) + " pixels");
}

void fill_pixels(PreparedRadiograph& radiograph, const Normalization& normalization) {
  if (radiograph.view.pixels.empty()) return;
  const auto start = SteadyClock::now();
  radiograph.pixels.resize(3 * radiograph.view.pixels.size());
  normalize(radiograph.view, normalization, radiograph.pixels);
  radiograph.prepare_ms += milliseconds_since(start);
}

}  // namespace chexworld

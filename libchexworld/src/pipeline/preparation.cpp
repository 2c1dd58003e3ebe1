// SPDX-License-Identifier: Apache-2.0
#include "pipeline/preparation.h"

#include "base/failure.h"
#include "dicom/gate.h"
#include "image/grayscale_pipeline.h"

#include <utility>

namespace chexworld {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

PreparedItem decoded(const RadiographSource& source, const PreparationRecipe& recipe, RadiographDecoder& decoder) {
  PreparedRadiograph radiograph = decoder.decode(source, recipe).value();
  PreparedItem item;
  item.result.gate = std::move(radiograph.gate);
  item.result.quality = std::move(radiograph.quality);
  item.result.doubts = std::move(radiograph.doubts);
  item.result.attributes = std::move(radiograph.attributes);
  item.result.tags = std::make_shared<const InstanceTags>(std::move(radiograph.tags));
  item.pixels = std::move(radiograph.pixels);
  return item;
}

/// A picture was chosen by the caller: it is judged for view and quality, not refused.
PreparedItem pictured(const GrayImage& film, const PreparationRecipe& recipe) {
  PreparedItem item;
  const FilmLook look = look_at(film);
  item.result.gate = judge_by_picture({item.result.gate, ChestEvidence::kSaid}, look);
  item.result.quality = quality_notes(RadiographTags{}, item.result.gate, look);
  item.pixels = prepare(film, recipe);
  return item;
}

PreparedItem pictured(const StoredPixels& stored, const PreparationRecipe& recipe) {
  return pictured(GrayscaleTransform({}, recipe.contrast, stored).to_gray(stored), recipe);
}

void require_picture(int height, int width, std::size_t samples) {
  if (height < 1 || width < 1 || samples != std::size_t(height) * std::size_t(width))
    fail(ErrorCode::kInvalidArgument, "pipeline: a picture of " + std::to_string(height) + " x " +
                                          std::to_string(width) + " pixels has " + std::to_string(samples) +
                                          " samples");
}

}  // namespace

PreparedItem prepare_item(const PipelineItem& item, const PreparationRecipe& recipe, RadiographDecoder& decoder) {
  return std::visit(
      Overloaded{
          [&](const std::vector<std::byte>& bytes) { return decoded(std::span(bytes), recipe, decoder); },
          [&](const std::filesystem::path& path) { return decoded(path, recipe, decoder); },
          [&](const GrayImage& film) { return pictured(film, recipe); },
          [&](const StoredPixels& stored) { return pictured(stored, recipe); },
          [&](const NormalizedPixels&) -> PreparedItem { fail(ErrorCode::kInternal, "pixels need no preparation"); }},
      item.content);
}

std::size_t content_bytes(const PipelineItem& item) {
  return std::visit(Overloaded{[](const std::vector<std::byte>& bytes) { return bytes.size(); },
                               [](const std::filesystem::path&) { return std::size_t(0); },
                               [](const GrayImage& film) { return film.pixels.size(); },
                               [](const StoredPixels& stored) { return stored.samples.size() * 2; },
                               [](const NormalizedPixels& pixels) { return pixels.values.size() * 4; }},
                    item.content);
}

void require_content(const PipelineItem& item) {
  if (const auto* film = std::get_if<GrayImage>(&item.content))
    require_picture(film->height, film->width, film->pixels.size());
  if (const auto* stored = std::get_if<StoredPixels>(&item.content)) {
    require_picture(stored->rows, stored->columns, stored->samples.size());
    if (stored->bits_stored < 1 || stored->bits_stored > 16)
      fail(ErrorCode::kInvalidArgument, "pipeline: stored pixels have 1 to 16 bits");
  }
}

}  // namespace chexworld

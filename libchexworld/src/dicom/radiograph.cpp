// SPDX-License-Identifier: Apache-2.0
#include "dicom/radiograph.h"

#include "base/failure.h"
#include "dicom/decode.h"
#include "dicom/gate.h"
#include "dicom/grayscale_attributes.h"
#include "dicom/transfer_syntax.h"

#include <algorithm>

namespace chexworld {
namespace {

ContrastPolicy policy_of(const RenderOptions& options) {
  const auto kind = [&] {
    switch (options.contrast) {
      case Contrast::kRange: return ContrastPolicy::Kind::kRange;
      case Contrast::kPercentile: return ContrastPolicy::Kind::kPercentile;
      case Contrast::kAsStored: break;
    }
    return ContrastPolicy::Kind::kAsStored;
  }();
  return {kind, options.window, options.low_percent, options.high_percent};
}

void require_possible(const RenderOptions& options) {
  if (options.fast && options.short_side < 1)
    fail(ErrorCode::kInvalidArgument, "rendering: 'short_side' must be positive");
  if (options.window < 0) fail(ErrorCode::kInvalidArgument, "rendering: 'window' counts from 0");
  const bool ordered =
      options.low_percent >= 0 && options.low_percent < options.high_percent && options.high_percent <= 100;
  if (!ordered) fail(ErrorCode::kInvalidArgument, "rendering: percentiles must be 0 <= low < high <= 100");
}

RadiographAttributes attributes_of(const DicomFile& file, const RadiographTags& tags) {
  RadiographAttributes attributes;
  attributes.sop_class_uid = presentable(tags.sop_class_uid);
  attributes.sop_instance_uid = presentable(tags.sop_instance_uid);
  const auto syntax = capture([&] { return std::string(transfer_syntax(file.transfer_syntax_uid()).name); });
  attributes.transfer_syntax = syntax.ok() ? *syntax : "unknown";
  attributes.modality = presentable(tags.modality);
  attributes.photometric_interpretation = presentable(tags.photometric_interpretation);
  attributes.rows = tags.rows;
  attributes.columns = tags.columns;
  attributes.bits_stored = tags.bits_stored;
  return attributes;
}

/// How the pixels would be decoded; empty where there are none or nobody can.
std::string planned_path(const DicomFile& file) {
  if (!file.has_pixel_data()) return "";
  const auto plan = capture([&] { return plan_decode(file); });
  return plan.ok() ? plan->path() : "";
}

/// Appends what is not there yet.
void add(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& sentence : more)
    if (std::find(all.begin(), all.end(), sentence) == all.end()) all.push_back(sentence);
}

bool has_signed_pixels(const DicomDataset& dataset) {
  const auto representation = capture([&] { return dataset.integer(tags::kPixelRepresentation).value_or(0); });
  return representation.ok() && *representation == 1;
}

/// Luma of a colour object is grey already.
void show_colour(const DecodedFrame& frame, bool with_floats, Radiograph& result) {
  const StoredPixels& pixels = frame.pixels;
  result.picture = {pixels.columns, pixels.rows, std::vector<std::uint8_t>(pixels.samples.size())};
  std::transform(pixels.samples.begin(), pixels.samples.end(), result.picture.pixels.begin(),
                 [](std::uint16_t sample) { return std::uint8_t(sample); });
  if (with_floats)
    std::transform(pixels.samples.begin(), pixels.samples.end(), std::back_inserter(result.grey),
                   [](std::uint16_t sample) { return float(sample) / 255.0F; });
}

void render(const DicomFile& file, const RenderOptions& options, Radiograph& result) {
  const bool is_signed = has_signed_pixels(file.dataset());
  const ReadGrayscaleAttributes read = read_grayscale_attributes(file.dataset(), is_signed);
  const ContrastPolicy policy = policy_of(options);
  // A range measured on reduced pixels is another range, so such a picture is decoded whole.
  const bool reduce = options.fast && !measured_on_pixels(contrast_source(read.attributes, policy));
  const DecodedFrame frame = decode_frame(file, {.frame = 0, .short_side = reduce ? options.short_side : 0});
  result.attributes.decoder = frame.plan.path();
  add(result.doubts, frame.doubts);
  if (frame.plan.colour) {
    result.attributes.contrast = name_of(ContrastSource::kColour);
    return show_colour(frame, options.float_picture, result);
  }
  add(result.doubts, read.doubts);
  const GrayscaleTransform transform(read.attributes, policy, frame.pixels);
  result.attributes.contrast = name_of(transform.source());
  result.picture = transform.to_gray(frame.pixels);
  if (options.float_picture) result.grey = transform.to_float(frame.pixels).pixels;
}

}  // namespace

Radiograph load_radiograph(const DicomFile& file, const RenderOptions& options) {
  require_possible(options);
  const RadiographTags tags = read_radiograph_tags(file);
  const TagVerdict by_tags = judge_by_tags(tags);
  Radiograph result;
  result.gate = by_tags.verdict;
  result.attributes = attributes_of(file, tags);
  if (!result.gate.accepted() && !options.render_skipped) {
    result.attributes.decoder = planned_path(file);
    return result;
  }
  add(result.doubts, file.doubts());
  if (tags.sop_instance_uid.empty())
    add(result.doubts, {"SOP Instance UID (0008,0018) is missing, so a result cannot be filed"});
  render(file, options, result);
  const FilmLook look = look_at(result.picture);
  result.gate = judge_by_picture(by_tags, look);
  result.quality = quality_notes(tags, result.gate, look);
  if (!result.doubts.empty()) result.quality.push_back(QualityNote::kDoubtful);
  return result;
}

RenderOptions options_for(const PreparationRecipe& recipe, bool fast) {
  RenderOptions options;
  options.fast = fast;
  const bool letterbox = recipe.fit == PreparationRecipe::Fit::kLetterbox;
  options.short_side = letterbox ? recipe.size.crop : recipe.size.resize;
  if (recipe.trim.black_border || recipe.trim.collimation) options.short_side *= 2;  // up to 60 % may go
  options.contrast = recipe.contrast.kind == ContrastPolicy::Kind::kRange        ? Contrast::kRange
                     : recipe.contrast.kind == ContrastPolicy::Kind::kPercentile ? Contrast::kPercentile
                                                                                 : Contrast::kAsStored;
  options.window = recipe.contrast.choice;
  options.low_percent = recipe.contrast.low_percent;
  options.high_percent = recipe.contrast.high_percent;
  return options;
}

Result<Radiograph> load_radiograph(const std::filesystem::path& path, const RenderOptions& options) {
  return capture([&] { return load_radiograph(DicomFile::open(path), options); });
}

Result<Radiograph> load_radiograph(std::span<const std::byte> bytes, const RenderOptions& options) {
  return capture([&] { return load_radiograph(DicomFile::from_view(bytes), options); });
}

}  // namespace chexworld

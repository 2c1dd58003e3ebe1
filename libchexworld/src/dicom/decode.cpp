// SPDX-License-Identifier: Apache-2.0
#include "dicom/decode.h"

#include "base/failure.h"
#include "dicom/codec.h"
#include "dicom/encapsulated.h"
#include "dicom/palette.h"
#include "dicom/regrid.h"
#include "dicom/sample_rows.h"
#include "dicom/transfer_syntax.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace chexworld {
namespace {

constexpr int kMostReduction = 256;

/// Everything that is known of a frame before it is decoded.
struct Prepared {
  const TransferSyntax& syntax;
  PixelModule module;
  std::optional<FrameBytes> frame;
  std::span<const std::byte> stream;
  StreamHeader header;
  int total_reduction = 1;  ///< asked for
  int codec_reduction = 1;  ///< of it, what the decoder does itself
  DecodePlan plan;
  std::vector<std::string> doubts;
};

void require_same_form(const TransferSyntax& syntax, const PixelDataLocation& location) {
  if (syntax.codec == PixelCodec::kOther) {
    fail(ErrorCode::kUnsupported, "the transfer syntax " + std::string(syntax.name) + " is not decoded here");
  }
  if (syntax.encapsulated() == location.encapsulated) return;
  fail(ErrorCode::kMalformed, "the transfer syntax is " + std::string(syntax.name) +
                                  ", but Pixel Data (7fe0,0010) is " +
                                  (location.encapsulated ? "compressed" : "not compressed"));
}

/// The largest whole reduction that keeps the short side at `short_side` or more.
int wanted_reduction(const PixelModule& module, int short_side) {
  if (short_side <= 0) return 1;
  return std::clamp(std::min(module.rows, module.columns) / short_side, 1, kMostReduction);
}

int power_of_two_below(int value, int most) { return std::min(int(std::bit_floor(unsigned(value))), most); }

/// Native frames lie in the file as they are.
void locate_native(const DicomFile& file, int frame, Prepared& prepared) {
  const PixelDataLocation& location = file.pixel_data();
  const std::uint64_t bytes = prepared.module.frame_bytes();
  const std::uint64_t needed = bytes * std::uint64_t(prepared.module.frames);
  if (location.value.length < needed) {
    fail(ErrorCode::kMalformed, "Pixel Data (7fe0,0010) has " + std::to_string(location.value.length) + " bytes, " +
                                    std::to_string(needed) + " are needed");
  }
  const auto offset = location.value.offset + std::size_t(bytes) * std::size_t(frame);
  prepared.stream = file.dataset_bytes().subspan(offset, std::size_t(bytes));
  prepared.plan.decoder = prepared.syntax.deflated ? "inflated data set" : "mapped file";
}

void require_jpeg_ls(const StreamHeader& header, bool wanted) {
  if ((header.start_of_frame == 0xf7) == wanted) return;
  fail(ErrorCode::kMalformed, wanted ? "the transfer syntax says JPEG-LS, the stream is another kind of JPEG"
                                     : "the transfer syntax says JPEG, the stream is JPEG-LS");
}

bool is_turbo_stream(const StreamHeader& header) {
  return header.start_of_frame >= 0xc0 && header.start_of_frame <= 0xc2 && header.precision == 8;
}

void plan_jpeg(Prepared& prepared) {
  prepared.header = read_jpeg_header(prepared.stream);
  require_jpeg_ls(prepared.header, false);
  const StreamHeader& header = prepared.header;
  const bool lossless = header.start_of_frame == 0xc3;
  if (lossless != (prepared.syntax.codec == PixelCodec::kJpegLossless)) {
    prepared.doubts.push_back("the stream is of another JPEG process than the transfer syntax says");
  }
  if (is_turbo_stream(header)) {
    prepared.plan.decoder = "libjpeg-turbo";
    prepared.codec_reduction = power_of_two_below(prepared.total_reduction, 8);
    if (prepared.codec_reduction > 1) prepared.plan.reducer = "scaled DCT";
  } else if (lossless || (header.start_of_frame == 0xc1 && header.precision == 12)) {
    prepared.plan.decoder = "DCMTK";
  } else {
    fail(ErrorCode::kUnsupported,
         "JPEG of this process or precision (" + std::to_string(header.precision) + " bits) is not decoded here");
  }
}

void plan_jpeg2000(Prepared& prepared) {
  prepared.header = read_jpeg2000_header(prepared.stream);
  prepared.plan.decoder = "OpenJPEG";
  const int most = 1 << std::min(prepared.header.wavelet_levels, 8);
  prepared.codec_reduction = power_of_two_below(prepared.total_reduction, most);
  if (prepared.codec_reduction > 1) prepared.plan.reducer = "wavelet levels";
}

void plan_stream(Prepared& prepared) {
  switch (prepared.syntax.codec) {
    case PixelCodec::kRle:
      check_rle(prepared.stream, prepared.module);
      prepared.plan.decoder = "DCMTK";
      prepared.header.precision = prepared.module.bits_allocated;
      return;
    case PixelCodec::kJpegLs:
      prepared.header = read_jpeg_header(prepared.stream);
      require_jpeg_ls(prepared.header, true);
      prepared.plan.decoder = "CharLS";
      break;
    case PixelCodec::kJpeg2000: plan_jpeg2000(prepared); break;
    default: plan_jpeg(prepared); break;
  }
  require_agreement(prepared.header, prepared.module);
  if (!prepared.header.ends_properly) {
    prepared.doubts.push_back("the " + prepared.header.format + " stream ends without its end mark");
  }
}

/// A decoder that reduces by itself would mix the indices of a palette.
void keep_palette_whole(Prepared& prepared) {
  if (prepared.module.photometric != Photometric::kPaletteColor) return;
  prepared.codec_reduction = 1;
  prepared.plan.reducer.clear();
}

/// What the decoder leaves is done by area means; indices into a palette only after their look-up.
void finish_plan(Prepared& prepared) {
  keep_palette_whole(prepared);
  const int area = prepared.total_reduction / prepared.codec_reduction;
  if (area > 1) prepared.plan.reducer += prepared.plan.reducer.empty() ? "area mean" : ", area mean";
  prepared.plan.reduction = prepared.codec_reduction * area;
  prepared.plan.rows = prepared.module.rows;
  prepared.plan.columns = prepared.module.columns;
  prepared.plan.transfer_syntax = prepared.syntax.name;
  prepared.plan.lossy = prepared.syntax.lossy;
  prepared.plan.colour = prepared.module.colour();
}

Prepared prepare(const DicomFile& file, const DecodeRequest& request) {
  Prepared prepared{.syntax = transfer_syntax(file.transfer_syntax_uid()),
                    .module = {},
                    .frame = {},
                    .stream = {},
                    .header = {},
                    .plan = {},
                    .doubts = file.doubts()};
  require_same_form(prepared.syntax, file.pixel_data());
  prepared.module = read_pixel_module(file);
  if (request.frame < 0 || request.frame >= prepared.module.frames) {
    fail(ErrorCode::kInvalidArgument, "there is no frame " + std::to_string(request.frame) + ", the object has " +
                                          std::to_string(prepared.module.frames));
  }
  prepared.total_reduction = wanted_reduction(prepared.module, request.short_side);
  if (prepared.syntax.encapsulated()) {
    prepared.frame.emplace(encapsulated_frame(file, request.frame, prepared.module.frames));
    prepared.stream = prepared.frame->bytes();
    plan_stream(prepared);
  } else {
    locate_native(file, request.frame, prepared);
  }
  finish_plan(prepared);
  return prepared;
}

/// 8-bit samples of VR OW in big endian come in swapped pairs (PS3.5 section 8.1.1).
std::shared_ptr<std::vector<std::byte>> swapped_pairs(std::span<const std::byte> bytes) {
  auto swapped = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  for (std::size_t i = 0; i + 1 < swapped->size(); i += 2) std::swap((*swapped)[i], (*swapped)[i + 1]);
  return swapped;
}

RawFrame native_frame(const Prepared& prepared, bool words) {
  const PixelModule& module = prepared.module;
  const auto sample = std::size_t(module.bits_allocated) / 8;
  RawFrame frame{.rows = module.rows,
                 .columns = module.columns,
                 .components = module.samples_per_pixel,
                 .sample_bytes = int(sample),
                 .big_endian = prepared.syntax.encoding == ElementEncoding::kExplicitBig,
                 .precision = module.bits_allocated};
  const std::byte* start = prepared.stream.data();
  if (frame.big_endian && sample == 1 && words) {
    const auto swapped = swapped_pairs(prepared.stream);
    start = swapped->data();
    frame.owner = swapped;
  }
  const auto components = std::size_t(module.samples_per_pixel);
  frame.shared_chroma = module.photometric == Photometric::kYbrFull422;
  frame.pixel_stride = module.planar ? sample : sample * components;
  frame.row_stride = frame.shared_chroma ? (std::size_t(module.columns) + 1) / 2 * 4
                                         : frame.pixel_stride * std::size_t(module.columns);
  const std::size_t step = module.planar ? frame.row_stride * std::size_t(module.rows) : sample;
  for (std::size_t i = 0; i < components; ++i) frame.component[i] = start + step * i;
  return frame;
}

RawFrame decode_stream(const Prepared& prepared, const Deadline& deadline) {
  const CodecInput input{prepared.stream, prepared.header, prepared.module, deadline, prepared.codec_reduction};
  switch (prepared.syntax.codec) {
    case PixelCodec::kRle: return decode_rle(input);
    case PixelCodec::kJpegLs: return decode_jpeg_ls(input);
    case PixelCodec::kJpeg2000: return decode_jpeg2000(input);
    default: return is_turbo_stream(prepared.header) ? decode_jpeg(input) : decode_jpeg_dcmtk(input);
  }
}

/// JPEG 2000 with a colour transform decodes to RGB whatever the data set calls it.
bool components_are_rgb(const Prepared& prepared) {
  const Photometric photometric = prepared.module.photometric;
  return photometric == Photometric::kRgb || photometric == Photometric::kYbrIct || photometric == Photometric::kYbrRct;
}

RowSource values_of(const RawFrame& raw, const Prepared& prepared, const DicomFile& file) {
  const PixelModule& module = prepared.module;
  if (module.photometric == Photometric::kPaletteColor) {
    return looked_up(stored_values(raw, module, false), palette_luma(file.dataset()));
  }
  if (module.colour()) return luma(raw, module, components_are_rgb(prepared));
  return stored_values(raw, module, prepared.syntax.lossy);
}

/// Where the samples lie after the decoder's own reduction and means of `area` x `area`.
ReducedGrid grid_of(const Prepared& prepared, int area) {
  const double reduction = prepared.plan.reduction;
  const bool wavelet = prepared.syntax.codec == PixelCodec::kJpeg2000;
  return {.height = prepared.module.rows / reduction,
          .width = prepared.module.columns / reduction,
          .lead = wavelet ? (0.5 - 0.5 / prepared.codec_reduction) / area : 0.0};
}

}  // namespace

std::string DecodePlan::path() const {
  if (reduction == 1) return decoder;
  return decoder + " at 1/" + std::to_string(reduction) + " (" + reducer + ")";
}

DecodePlan plan_decode(const DicomFile& file, const DecodeRequest& request) { return prepare(file, request).plan; }

DecodedFrame decode_frame(const DicomFile& file, const DecodeRequest& request) {
  const Deadline deadline(file.limits().max_time);
  Prepared prepared = prepare(file, request);
  RawFrame raw = prepared.syntax.encapsulated() ? decode_stream(prepared, deadline)
                                                : native_frame(prepared, file.pixel_data().words);
  deadline.check();
  DecodedFrame decoded;
  const int area = prepared.plan.reduction / raw.reduction;
  decoded.pixels = regridded(area_mean(values_of(raw, prepared, file), area, deadline), grid_of(prepared, area));
  decoded.plan = std::move(prepared.plan);
  decoded.doubts = std::move(prepared.doubts);
  decoded.doubts.insert(decoded.doubts.end(), raw.doubts.begin(), raw.doubts.end());
  return decoded;
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "dicom/codec.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <openjpeg.h>

namespace chexworld {
namespace {

struct CloseCodec {
  void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
};
struct CloseStream {
  void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
};
struct CloseImage {
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};

/// The bytes that OpenJPEG pulls from, and the first thing that it complains about.
struct Source {
  std::span<const std::byte> bytes;
  const Deadline* deadline;
  std::size_t block_style_at = 0;  // 0: leave the stream as it is
  std::size_t at = 0;
  int worst_block = 0;  // bytes by which a code block's data and its decoding differ
  std::string complaint{};
  bool failed = false;
};

// Code block styles (T.800 table A.19)
constexpr int kSelectiveBypass = 0x01, kTerminateEachPass = 0x04, kPredictableTermination = 0x10,
              kHighThroughput = 0x40;

/// With this bit set OpenJPEG decodes the same, but says where the decoding of a code block did not end where its
/// data do: the only trace that wrong bytes leave in arithmetically coded data.
std::size_t where_to_ask_for_block_ends(std::span<const std::byte> stream, const StreamHeader& header) {
  const int style = int(stream[header.block_style_at]);
  return (style & (kSelectiveBypass | kTerminateEachPass | kHighThroughput)) == 0 ? header.block_style_at : 0;
}

/// Encoders that cut code blocks to a rate leave up to 4 bytes of difference; damage leaves up to hundreds.
constexpr int kMostBlockSlack = 7;

constexpr auto kEnd = OPJ_SIZE_T(-1);

OPJ_SIZE_T read_bytes(void* buffer, OPJ_SIZE_T wanted, void* user) {
  auto& source = *static_cast<Source*>(user);
  const std::size_t count = std::min<std::size_t>(wanted, source.bytes.size() - source.at);
  if (count == 0 || source.deadline->passed()) return kEnd;
  std::memcpy(buffer, &source.bytes[source.at], count);
  if (source.block_style_at >= source.at && source.block_style_at < source.at + count && source.block_style_at != 0) {
    static_cast<std::byte*>(buffer)[source.block_style_at - source.at] |= std::byte{kPredictableTermination};
  }
  source.at += count;
  return count;
}

OPJ_OFF_T skip_bytes(OPJ_OFF_T wanted, void* user) {
  auto& source = *static_cast<Source*>(user);
  const auto left = OPJ_OFF_T(source.bytes.size() - source.at);
  if (wanted < 0 || left == 0) return -1;
  const OPJ_OFF_T count = std::min(wanted, left);
  source.at += std::size_t(count);
  return count;
}

OPJ_BOOL seek_bytes(OPJ_OFF_T position, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (position < 0 || std::size_t(position) > source.bytes.size()) return OPJ_FALSE;
  source.at = std::size_t(position);
  return OPJ_TRUE;
}

void keep_complaint(const char* message, void* user) {
  auto& source = *static_cast<Source*>(user);
  int bytes = 0;
  if (std::sscanf(message, "PTERM check failure: %d", &bytes) == 1) {
    source.worst_block = std::max(source.worst_block, bytes);
    return;
  }
  if (!source.complaint.empty()) return;
  source.complaint = message;
  source.complaint.erase(source.complaint.find_last_not_of(" \r\n") + 1);
}

void keep_error(const char* message, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (!source.failed) source.complaint.clear();
  source.failed = true;
  keep_complaint(message, user);
}

std::unique_ptr<opj_stream_t, CloseStream> stream_of(Source& source) {
  std::unique_ptr<opj_stream_t, CloseStream> stream(opj_stream_create(1u << 16, OPJ_TRUE));
  if (!stream) fail(ErrorCode::kResourceExhausted, "no memory for a JPEG 2000 decoder");
  opj_stream_set_read_function(stream.get(), read_bytes);
  opj_stream_set_skip_function(stream.get(), skip_bytes);
  opj_stream_set_seek_function(stream.get(), seek_bytes);
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), source.bytes.size());
  return stream;
}

[[noreturn]] void damaged(const Source& source) {
  source.deadline->check();
  const std::string what = source.complaint.empty() ? "the decoder gave no reason" : source.complaint;
  fail(ErrorCode::kMalformed, "the JPEG 2000 stream is damaged: " + what);
}

std::unique_ptr<opj_image_t, CloseImage> decode(Source& source, int reduction) {
  std::unique_ptr<opj_codec_t, CloseCodec> codec(opj_create_decompress(OPJ_CODEC_J2K));
  if (!codec) fail(ErrorCode::kResourceExhausted, "no memory for a JPEG 2000 decoder");
  opj_set_error_handler(codec.get(), keep_error, &source);
  opj_set_warning_handler(codec.get(), keep_complaint, &source);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  parameters.cp_reduce = OPJ_UINT32(std::countr_zero(unsigned(reduction)));
  const auto stream = stream_of(source);
  opj_image_t* raw = nullptr;
  const bool begun = opj_setup_decoder(codec.get(), &parameters) && opj_read_header(stream.get(), codec.get(), &raw);
  std::unique_ptr<opj_image_t, CloseImage> image(raw);
  if (!begun || !image) damaged(source);
  if (!opj_decode(codec.get(), stream.get(), image.get())) damaged(source);
  if (!opj_end_decompress(codec.get(), stream.get()) && source.complaint.empty()) source.complaint = "no end mark";
  return image;
}

void require_components(const opj_image_t& image, const RawFrame& expected) {
  bool as_expected = int(image.numcomps) == expected.components;
  for (int i = 0; as_expected && i < expected.components; ++i) {
    const opj_image_comp_t& component = image.comps[i];
    as_expected =
        component.data != nullptr && int(component.w) == expected.columns && int(component.h) == expected.rows;
  }
  if (!as_expected) fail(ErrorCode::kMalformed, "the JPEG 2000 stream decodes to another size than its header says");
}

}  // namespace

RawFrame decode_jpeg2000(const CodecInput& input) {
  Source source{.bytes = input.stream,
                .deadline = &input.deadline,
                .block_style_at = where_to_ask_for_block_ends(input.stream, input.header)};
  std::shared_ptr<opj_image_t> image = decode(source, input.reduction);
  const auto reduced = [&](int length) { return (length + input.reduction - 1) / input.reduction; };
  RawFrame frame{.rows = reduced(input.module.rows),
                 .columns = reduced(input.module.columns),
                 .reduction = input.reduction,
                 .components = input.header.components,
                 .pixel_stride = sizeof(OPJ_INT32),
                 .sample_bytes = 4,
                 .precision = input.header.precision};
  require_components(*image, frame);
  frame.row_stride = frame.pixel_stride * std::size_t(frame.columns);
  for (int i = 0; i < frame.components; ++i) {
    frame.component[std::size_t(i)] = reinterpret_cast<const std::byte*>(image->comps[i].data);
  }
  if (!source.complaint.empty()) frame.doubts.push_back("the JPEG 2000 stream is damaged: " + source.complaint);
  if (source.worst_block > kMostBlockSlack) {
    frame.doubts.push_back("the JPEG 2000 stream is damaged: a code block's data and its decoding differ by " +
                           std::to_string(source.worst_block) + " bytes");
  }
  frame.owner = std::move(image);
  return frame;
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "dicom/codec.h"

#include <charls/charls.h>

namespace chexworld {
namespace {

/// CharLS 2.4.2 counts to 2^31 where a stream without an end mark runs out inside a code; at a mark it stops.
std::vector<std::byte> with_end_mark(std::span<const std::byte> stream) {
  std::vector<std::byte> closed(stream.begin(), stream.end());
  closed.push_back(std::byte{0xff});
  closed.push_back(std::byte{0xd9});
  return closed;
}

/// Where each component lies in what CharLS wrote.
void describe(const charls::jpegls_decoder& decoder, const std::byte* samples, RawFrame& frame) {
  const auto sample = std::size_t(frame.sample_bytes);
  const bool planes = decoder.interleave_mode() == charls::interleave_mode::none;
  const std::size_t between = planes ? 1 : std::size_t(frame.components);
  frame.pixel_stride = sample * between;
  frame.row_stride = frame.pixel_stride * std::size_t(frame.columns);
  for (int i = 0; i < frame.components; ++i) {
    const std::size_t step = planes ? frame.row_stride * std::size_t(frame.rows) : sample;
    frame.component[std::size_t(i)] = samples + step * std::size_t(i);
  }
}

}  // namespace

RawFrame decode_jpeg_ls(const CodecInput& input) {
  RawFrame frame{.rows = input.module.rows,
                 .columns = input.module.columns,
                 .components = input.header.components,
                 .sample_bytes = input.header.precision > 8 ? 2 : 1,
                 .precision = input.header.precision};
  std::vector<std::byte> closed;
  if (!input.header.ends_properly) closed = with_end_mark(input.stream);
  const std::span<const std::byte> stream = closed.empty() ? input.stream : closed;
  try {
    charls::jpegls_decoder decoder(stream.data(), stream.size(), true);
    const charls::frame_info info = decoder.frame_info();
    const std::size_t size = decoder.destination_size();
    const std::size_t expected = std::size_t(frame.rows) * std::size_t(frame.columns) * std::size_t(frame.components) *
                                 std::size_t(frame.sample_bytes);
    if (size != expected || int(info.width) != frame.columns) {
      fail(ErrorCode::kMalformed, "the JPEG-LS stream has two different frame headers");
    }
    const std::shared_ptr<std::byte[]> samples = std::make_shared_for_overwrite<std::byte[]>(size);
    decoder.decode(samples.get(), size);
    describe(decoder, samples.get(), frame);
    frame.owner = samples;
  } catch (const charls::jpegls_error& error) {
    fail(ErrorCode::kMalformed, std::string("the JPEG-LS stream is damaged: ") + error.what());
  }
  return frame;
}

}  // namespace chexworld

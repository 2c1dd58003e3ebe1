// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "dicom/codec.h"

#include <turbojpeg.h>

namespace chexworld {
namespace {

struct CloseHandle {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, CloseHandle>;

int divide_up(int a, int b) { return (a + b - 1) / b; }

/// Without a JFIF or Adobe marker the library takes three components for YCbCr; this marker says RGB.
std::vector<std::byte> with_rgb_marker(std::span<const std::byte> stream) {
  constexpr unsigned char kMarker[] = {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
  std::vector<std::byte> marked(stream.begin(), stream.begin() + 2);
  for (const unsigned char byte : kMarker) marked.push_back(std::byte{byte});
  marked.insert(marked.end(), stream.begin() + 2, stream.end());
  return marked;
}

const unsigned char* bytes_of(std::span<const std::byte> stream) {
  return reinterpret_cast<const unsigned char*>(stream.data());
}

}  // namespace

RawFrame decode_jpeg(const CodecInput& input) {
  std::vector<std::byte> marked;
  std::span<const std::byte> stream = input.stream;
  if (input.module.photometric == Photometric::kRgb && !input.header.names_colours) {
    marked = with_rgb_marker(stream);
    stream = marked;
  }
  RawFrame frame{.rows = divide_up(input.module.rows, input.reduction),
                 .columns = divide_up(input.module.columns, input.reduction),
                 .reduction = input.reduction};
  const auto samples =
      std::make_shared<std::vector<unsigned char>>(std::size_t(frame.rows) * std::size_t(frame.columns));
  const Handle handle(tjInitDecompress());
  if (!handle) fail(ErrorCode::kResourceExhausted, "no memory for a JPEG decoder");
  // Colour comes out as luma. The slow DCT is the exact one, which DCMTK and others use as well.
  const int status =
      tjDecompress2(handle.get(), bytes_of(stream), static_cast<unsigned long>(stream.size()), samples->data(),
                    frame.columns, 0, frame.rows, TJPF_GRAY, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  if (status != 0) {
    const std::string what = tjGetErrorStr2(handle.get());
    if (tjGetErrorCode(handle.get()) != TJERR_WARNING)
      fail(ErrorCode::kMalformed, "the JPEG stream is damaged: " + what);
    frame.doubts.push_back("the JPEG stream is damaged: " + what);
  }
  frame.component[0] = reinterpret_cast<const std::byte*>(samples->data());
  frame.pixel_stride = 1;
  frame.row_stride = std::size_t(frame.columns);
  frame.sample_bytes = 1;
  frame.precision = 8;
  frame.owner = samples;
  return frame;
}

}  // namespace chexworld

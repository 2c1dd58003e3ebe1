// SPDX-License-Identifier: Apache-2.0
#include "dicom/stream_header.h"

#include "base/failure.h"
#include "dicom/byte_order.h"

#include <algorithm>
#include <cstring>

namespace chexworld {
namespace {

constexpr int kStartOfImage = 0xd8, kEndOfImage = 0xd9, kStartOfScan = 0xda;

[[noreturn]] void malformed(const std::string& message) { fail(ErrorCode::kMalformed, message); }

bool starts_with(std::span<const std::byte> stream, std::initializer_list<int> bytes) {
  if (stream.size() < bytes.size()) return false;
  return std::equal(bytes.begin(), bytes.end(), stream.begin(), [](int a, std::byte b) { return a == int(b); });
}

std::string what_it_is(std::span<const std::byte> stream) {
  if (starts_with(stream, {0xff, 0x4f, 0xff, 0x51})) return "a JPEG 2000 stream";
  if (starts_with(stream, {0xff, 0xd8})) return "a JPEG or JPEG-LS stream";
  return "something else";
}

/// An end mark within the last bytes; what follows is padding.
bool ends_with_mark(std::span<const std::byte> stream) {
  std::size_t end = stream.size();
  while (end > 0 && (stream[end - 1] == std::byte{0} || stream[end - 1] == std::byte{0xff})) --end;
  return end >= 2 && stream[end - 1] == std::byte{kEndOfImage} && stream[end - 2] == std::byte{0xff};
}

/// Segments of JPEG, JPEG-LS and JPEG 2000 headers: a marker, a length that counts itself, a body.
class Segments {
 public:
  Segments(std::span<const std::byte> stream, std::size_t at, std::string format)
      : stream_(stream), at_(at), format_(std::move(format)) {}

  /// Moves to the next marker and returns its second byte.
  int next() {
    at_ += length_;
    length_ = 0;
    if (at_ + 2 > stream_.size()) cut_off();
    if (stream_[at_] != std::byte{0xff}) malformed(format_ + " header: no marker at byte " + std::to_string(at_));
    while (at_ + 2 < stream_.size() && stream_[at_ + 1] == std::byte{0xff}) ++at_;
    const int marker = int(stream_[at_ + 1]);
    at_ += 2;
    return marker;
  }
  /// Reads the length of the segment that next() found.
  std::span<const std::byte> body() {
    if (at_ + 2 > stream_.size()) cut_off();
    length_ = load_be16(&stream_[at_]);
    if (length_ < 2 || at_ + length_ > stream_.size()) cut_off();
    return stream_.subspan(at_ + 2, length_ - 2);
  }
  [[noreturn]] void cut_off() const { malformed(format_ + " header ends at byte " + std::to_string(at_)); }

 private:
  std::span<const std::byte> stream_;
  std::size_t at_;
  std::string format_;
  std::size_t length_ = 0;
};

bool is_start_of_frame(int marker) {
  return (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) || marker == 0xf7;
}

/// Tables, the restart interval, and what JFIF and Adobe say about colours.
bool is_needed_before_frame(int marker) {
  return marker == 0xc4 || marker == 0xcc || marker == 0xdb || marker == 0xdd || marker == 0xe0 || marker == 0xee;
}

bool stands_alone(int marker) { return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8); }

void read_frame_header(std::span<const std::byte> body, StreamHeader& header) {
  if (body.size() < 6) malformed(header.format + " frame header is too short");
  header.precision = int(body[0]);
  header.height = load_be16(&body[1]);
  header.width = load_be16(&body[3]);
  header.components = int(body[5]);
  if (body.size() != 6 + 3 * std::size_t(header.components))
    malformed(header.format + " frame header has a wrong length");
}

}  // namespace

StreamHeader read_jpeg_header(std::span<const std::byte> stream) {
  if (!starts_with(stream, {0xff, kStartOfImage})) {
    malformed("Pixel Data does not hold the JPEG stream that the transfer syntax promises but " + what_it_is(stream));
  }
  StreamHeader header{.format = "JPEG"};
  header.ends_properly = ends_with_mark(stream);
  Segments segments(stream, 2, header.format);
  while (true) {
    const int marker = segments.next();
    if (stands_alone(marker)) continue;
    if (marker == kStartOfScan || marker == kEndOfImage) malformed("JPEG stream without a frame header");
    const auto body = segments.body();
    if (marker == 0xe0 && starts_with(body, {'J', 'F', 'I', 'F', 0})) header.names_colours = true;
    if (marker == 0xee && starts_with(body, {'A', 'd', 'o', 'b', 'e'})) header.names_colours = true;
    if (!is_start_of_frame(marker)) continue;
    header.start_of_frame = marker;
    if (marker == 0xf7) header.format = "JPEG-LS";
    read_frame_header(body, header);
    return header;
  }
}

JpegParts with_plain_header(std::span<const std::byte> stream) {
  JpegParts parts{{stream[0], stream[1]}, {}};
  Segments segments(stream, 2, "JPEG");
  while (true) {
    const int marker = segments.next();
    if (stands_alone(marker)) continue;
    const auto body = segments.body();
    const auto segment = stream.subspan(std::size_t(body.data() - stream.data()) - 4, body.size() + 4);
    if (is_start_of_frame(marker)) {
      parts.rest = stream.subspan(std::size_t(segment.data() - stream.data()));
      return parts;
    }
    if (is_needed_before_frame(marker)) parts.header.insert(parts.header.end(), segment.begin(), segment.end());
  }
}

namespace {

// Beyond these the decoder's bookkeeping outgrows the picture; genuine radiographs stay far below.
constexpr std::uint64_t kMostTiles = 4096;
constexpr std::uint64_t kMostPrecincts = 1u << 18;
constexpr int kMostComponents = 4;
constexpr int kMostLevels = 32;

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

struct Tiling {
  std::uint64_t width = 0, height = 0;  // of a tile, no more than the picture
  std::uint64_t count = 0;
};

Tiling read_siz(std::span<const std::byte> body, StreamHeader& header) {
  if (body.size() < 36) malformed("JPEG 2000 SIZ is too short");
  const auto u32 = [&](std::size_t at) { return std::uint64_t(load_be32(&body[at])); };
  const std::uint64_t x = u32(2), y = u32(6), x0 = u32(10), y0 = u32(14);
  const std::uint64_t tile_x = u32(18), tile_y = u32(22);
  header.components = load_be16(&body[34]);
  if (x <= x0 || y <= y0 || x - x0 > 65535 || y - y0 > 65535) {
    malformed("JPEG 2000 SIZ says " + std::to_string(x) + " x " + std::to_string(y) + " from " + std::to_string(x0) +
              ", " + std::to_string(y0) + ", which no DICOM image can be");
  }
  if (tile_x == 0 || tile_y == 0) malformed("JPEG 2000 SIZ says tiles of size 0");
  if (header.components < 1 || header.components > kMostComponents) {
    malformed("JPEG 2000 SIZ says " + std::to_string(header.components) + " components");
  }
  if (body.size() != 36 + 3 * std::size_t(header.components)) malformed("JPEG 2000 SIZ has a wrong length");
  header.width = int(x - x0);
  header.height = int(y - y0);
  header.precision = (int(body[36]) & 0x7f) + 1;
  header.is_signed = (int(body[36]) & 0x80) != 0;
  for (int i = 0; i < header.components; ++i) {
    const std::byte* component = &body[36 + 3 * std::size_t(i)];
    if (component[0] != body[36] || component[1] != std::byte{1} || component[2] != std::byte{1}) {
      fail(ErrorCode::kUnsupported, "JPEG 2000 components of different kinds or sizes");
    }
  }
  return {std::min<std::uint64_t>(tile_x, std::uint64_t(header.width)),
          std::min<std::uint64_t>(tile_y, std::uint64_t(header.height)), divide_up(x, tile_x) * divide_up(y, tile_y)};
}

/// Precincts of one component of one tile, all resolutions (T.800 annex A.6.1).
std::uint64_t precincts_of(std::span<const std::byte> style, bool custom, int levels, const Tiling& tiling) {
  std::uint64_t sum = 0;
  for (int resolution = 0; resolution <= levels; ++resolution) {
    const int exponents = custom ? int(style[5 + std::size_t(resolution)]) : 0xff;
    const std::uint64_t scale = 1ull << (levels - resolution);
    sum += divide_up(divide_up(tiling.width, scale), 1ull << (exponents & 15)) *
           divide_up(divide_up(tiling.height, scale), 1ull << (exponents >> 4));
  }
  return sum;
}

/// `style` begins with the number of decomposition levels (COD after byte 5, COC after its style byte).
int checked_style(std::span<const std::byte> style, bool custom, const Tiling& tiling) {
  if (style.size() < 5) malformed("JPEG 2000 COD is too short");
  const int levels = int(style[0]);
  if (levels > kMostLevels) malformed("JPEG 2000 COD says " + std::to_string(levels) + " wavelet levels");
  if (custom && style.size() < 5 + std::size_t(levels) + 1) malformed("JPEG 2000 COD is too short for its precincts");
  const int block_exponent = (int(style[1]) & 15) + (int(style[2]) & 15) + 4;
  if (precincts_of(style, custom, levels, tiling) * tiling.count > kMostPrecincts || block_exponent < 6) {
    fail(ErrorCode::kTooLarge, "JPEG 2000 stream cut into too many precincts or code blocks");
  }
  return levels;
}

/// The code stream inside a JP2 file (T.800 annex I), which some writers put into Pixel Data.
std::span<const std::byte> without_jp2_boxes(std::span<const std::byte> stream) {
  if (!starts_with(stream, {0, 0, 0, 12, 'j', 'P', ' ', ' '})) return stream;
  std::size_t at = 0;
  while (stream.size() - at >= 8) {
    const std::uint64_t length = load_be32(&stream[at]);
    if (std::memcmp(&stream[at + 4], "jp2c", 4) == 0) return stream.subspan(at + 8);
    if (length < 8 || length > stream.size() - at) break;
    at += std::size_t(length);
  }
  malformed("JP2 file without a code stream");
}

}  // namespace

StreamHeader read_jpeg2000_header(std::span<const std::byte>& stream) {
  stream = without_jp2_boxes(stream);
  if (!starts_with(stream, {0xff, 0x4f, 0xff, 0x51})) {
    malformed("Pixel Data does not hold the JPEG 2000 stream that the transfer syntax promises but " +
              what_it_is(stream));
  }
  StreamHeader header{.format = "JPEG 2000"};
  header.ends_properly = ends_with_mark(stream);
  Segments segments(stream, 2, header.format);
  Tiling tiling;
  bool styled = false;
  for (int marker = segments.next(); marker != 0x90; marker = segments.next()) {  // 0x90: first tile part
    const auto body = segments.body();
    if (marker == 0x51) {
      if (tiling.count != 0) malformed("JPEG 2000 header has two SIZ");
      tiling = read_siz(body, header);
      if (tiling.count > kMostTiles) {
        fail(ErrorCode::kTooLarge, "JPEG 2000 stream of " + std::to_string(tiling.count) + " tiles");
      }
    } else if (marker == 0x52) {
      if (body.size() < 10) malformed("JPEG 2000 COD is too short");
      header.wavelet_levels = checked_style(body.subspan(5), (int(body[0]) & 1) != 0, tiling);
      header.block_style_at = std::size_t(&body[8] - stream.data());
      styled = true;
    } else if (marker == 0x53) {
      if (body.size() < 7) malformed("JPEG 2000 COC is too short");
      header.wavelet_levels =
          std::min(header.wavelet_levels, checked_style(body.subspan(2), (int(body[1]) & 1) != 0, tiling));
    }
  }
  if (!styled) malformed("JPEG 2000 header without COD");
  return header;
}

void require_agreement(const StreamHeader& header, const PixelModule& module) {
  const auto contradiction = [&](const std::string& stream, const std::string& dataset) {
    malformed("the " + header.format + " stream is " + stream + ", the data set says " + dataset);
  };
  const auto size = [](int width, int height) { return std::to_string(width) + " x " + std::to_string(height); };
  if (header.width != module.columns || header.height != module.rows) {
    contradiction(size(header.width, header.height) + " (width x height)", size(module.columns, module.rows));
  }
  if (header.components != module.samples_per_pixel) {
    contradiction("of " + std::to_string(header.components) + " components",
                  "Samples per Pixel (0028,0002) " + std::to_string(module.samples_per_pixel));
  }
  if (header.precision < 1 || header.precision > module.bits_allocated) {
    contradiction("of " + std::to_string(header.precision) + " bits",
                  "Bits Allocated (0028,0100) " + std::to_string(module.bits_allocated));
  }
}

namespace {

/// How many bytes a PackBits segment expands to; -1 where it stops inside a run.
std::int64_t expanded_length(std::span<const std::byte> segment, std::int64_t enough) {
  std::int64_t length = 0;
  std::size_t at = 0;
  while (at < segment.size() && length < enough) {
    const int control = int(static_cast<signed char>(segment[at]));
    const std::size_t used = control >= 0 ? std::size_t(control) + 2 : control == -128 ? 1 : 2;
    if (used > segment.size() - at) return -1;
    if (control >= 0) length += control + 1;
    if (control < 0 && control != -128) length += 1 - control;
    at += used;
  }
  return length;
}

}  // namespace

void check_rle(std::span<const std::byte> stream, const PixelModule& module) {
  constexpr std::size_t kHeader = 64;
  if (stream.size() < kHeader) malformed("RLE frame is shorter than its header");
  const std::uint32_t expected = std::uint32_t(module.samples_per_pixel * module.bits_allocated / 8);
  const std::uint32_t count = load_le32(stream.data());
  if (count != expected) {
    malformed("RLE header says " + std::to_string(count) + " segments, the data set needs " + std::to_string(expected));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t begin = load_le32(&stream[4 + 4 * i]);
    const std::size_t end = i + 1 < count ? load_le32(&stream[8 + 4 * i]) : stream.size();
    const std::string name = "RLE segment " + std::to_string(i + 1);
    if (begin < kHeader || begin > end || end > stream.size()) malformed(name + " lies outside the frame");
    const auto plane = std::int64_t(module.pixels());
    if (expanded_length(stream.subspan(begin, end - begin), plane) < plane) {
      malformed(name + " ends before the picture is complete");
    }
  }
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "dicom/stream_header.h"

#include "failing.h"
#include "support/encoders.h"

namespace chexworld {
namespace {

using test::Bytes;
using test::synthetic_film;

Bytes bytes(std::initializer_list<int> values) {
  Bytes all;
  for (const int value : values) all.push_back(std::byte(value));
  return all;
}

PixelModule module_of(int rows, int columns, int bits) {
  return {
      .rows = rows, .columns = columns, .bits_allocated = bits > 8 ? 16 : 8, .bits_stored = bits, .high_bit = bits - 1};
}

TEST(StreamHeader, ReadsWhatEncodersWrite) {
  const StreamHeader jpeg = read_jpeg_header(encode_jpeg(synthetic_film(20, 30, 8), 80));
  EXPECT_EQ(jpeg.format, "JPEG");
  EXPECT_EQ(jpeg.start_of_frame, 0xc0);
  EXPECT_EQ(jpeg.width, 30);
  EXPECT_EQ(jpeg.height, 20);
  EXPECT_TRUE(jpeg.ends_properly);
  const StreamHeader ls = read_jpeg_header(encode_jpeg_ls(synthetic_film(20, 30, 14), 0));
  EXPECT_EQ(ls.format, "JPEG-LS");
  EXPECT_EQ(ls.precision, 14);
  const Bytes coded = encode_jpeg2000(synthetic_film(64, 80, 12), 0, 4);
  std::span<const std::byte> stream = coded;
  const StreamHeader j2k = read_jpeg2000_header(stream);
  EXPECT_EQ(j2k.width, 80);
  EXPECT_EQ(j2k.height, 64);
  EXPECT_EQ(j2k.precision, 12);
  EXPECT_EQ(j2k.wavelet_levels, 4);
  EXPECT_FALSE(j2k.is_signed);
}

TEST(StreamHeader, MustAgreeWithTheDataSet) {
  const StreamHeader header = read_jpeg_header(encode_jpeg_ls(synthetic_film(20, 30, 12), 0));
  EXPECT_NO_THROW(require_agreement(header, module_of(20, 30, 12)));
  EXPECT_FAILURE(require_agreement(header, module_of(20, 31, 12)), ErrorCode::kMalformed, "30 x 20");
  EXPECT_FAILURE(require_agreement(header, module_of(19, 30, 12)), ErrorCode::kMalformed, "30 x 19");
  EXPECT_FAILURE(require_agreement(header, module_of(20, 30, 8)), ErrorCode::kMalformed, "12 bits");
  PixelModule colour = module_of(20, 30, 12);
  colour.samples_per_pixel = 3;
  EXPECT_FAILURE(require_agreement(header, colour), ErrorCode::kMalformed, "1 components");
}

TEST(StreamHeader, EveryCutOfAHeaderIsAnError) {
  const Bytes jpeg = encode_jpeg(synthetic_film(8, 8, 8), 80);
  const Bytes j2k = encode_jpeg2000(synthetic_film(8, 8, 8), 0, 1);
  const auto jpeg_width = [&](std::size_t length) { return read_jpeg_header(std::span(jpeg).first(length)).width; };
  const auto j2k_width = [&](std::size_t length) {
    std::span<const std::byte> stream = std::span(j2k).first(length);
    return read_jpeg2000_header(stream).width;
  };
  for (std::size_t length = 0; length < std::min(jpeg.size(), j2k.size()); ++length) {
    const auto first = capture([&] { return jpeg_width(length); });
    const auto second = capture([&] { return j2k_width(length); });
    EXPECT_TRUE(first.ok() ? *first == 8 : length < 400) << length;
    EXPECT_TRUE(second.ok() ? *second == 8 : length < 200) << length;
    EXPECT_FALSE(length < 20 && (first.ok() || second.ok())) << length;
  }
}

TEST(StreamHeader, FindsTheCodeStreamInAJp2File) {
  const Bytes coded = encode_jpeg2000(synthetic_film(8, 8, 8), 0, 1);
  Bytes boxed = bytes({0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10, 0, 0, 0, 8, 'f', 'r', 'e', 'e'});
  const Bytes last_box = bytes({0, 0, 0, 0, 'j', 'p', '2', 'c'});
  boxed.insert(boxed.end(), last_box.begin(), last_box.end());
  boxed.insert(boxed.end(), coded.begin(), coded.end());
  std::span<const std::byte> stream = boxed;
  EXPECT_EQ(read_jpeg2000_header(stream).width, 8);
  EXPECT_EQ(stream.size(), coded.size());
}

/// SIZ at 4: Xsiz at 8, XTsiz at 24.
Bytes with_u32(Bytes stream, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) stream[at + i] = std::byte(std::uint8_t(value >> (24 - 8 * i)));
  return stream;
}

TEST(StreamHeader, Jpeg2000BookkeepingIsLimited) {
  const Bytes coded = encode_jpeg2000(synthetic_film(200, 200, 8), 0, 1);
  const auto read = [](const Bytes& bytes) {
    std::span<const std::byte> stream = bytes;
    return read_jpeg2000_header(stream);
  };
  EXPECT_FAILURE(read(with_u32(coded, 8, 0x7fffffff)), ErrorCode::kMalformed, "2147483647");
  EXPECT_FAILURE(read(with_u32(with_u32(coded, 24, 1), 28, 1)), ErrorCode::kTooLarge, "40000 tiles");
  EXPECT_FAILURE(read(with_u32(coded, 24, 0)), ErrorCode::kMalformed, "tiles of size 0");
}

TEST(StreamHeader, OtherThingsAreCalledWhatTheyAre) {
  EXPECT_FAILURE(read_jpeg_header(encode_jpeg2000(synthetic_film(8, 8, 8), 0, 1)), ErrorCode::kMalformed,
                 "a JPEG 2000 stream");
  const Bytes jpeg = encode_jpeg(synthetic_film(8, 8, 8), 80);
  std::span<const std::byte> stream = jpeg;
  EXPECT_FAILURE(read_jpeg2000_header(stream), ErrorCode::kMalformed, "a JPEG or JPEG-LS stream");
}

/// One segment per byte plane.
Bytes rle_frame(const std::vector<Bytes>& segments) {
  test::ElementWriter frame(ElementEncoding::kExplicitLittle);
  frame.u32(std::uint32_t(segments.size()));
  std::uint32_t offset = 64;
  for (std::size_t i = 0; i < 15; ++i) {
    frame.u32(i < segments.size() ? offset : 0);
    if (i < segments.size()) offset += std::uint32_t(segments[i].size());
  }
  for (const Bytes& segment : segments) frame.raw(segment);
  return frame.bytes();
}

TEST(RleCheck, AcceptsCompleteSegmentsOnly) {
  const PixelModule module = module_of(2, 4, 8);
  EXPECT_NO_THROW(check_rle(rle_frame({bytes({0xf9, 5})}), module));                       // 8 times 5
  EXPECT_NO_THROW(check_rle(rle_frame({bytes({0x80, 3, 1, 2, 3, 4, 0xfd, 9})}), module));  // nothing, 4, 4 times 9
  EXPECT_FAILURE(check_rle(rle_frame({bytes({0xfa, 5})}), module), ErrorCode::kMalformed, "before the picture");
  EXPECT_FAILURE(check_rle(rle_frame({bytes({7, 1, 2})}), module), ErrorCode::kMalformed, "before the picture");
  EXPECT_FAILURE(check_rle(rle_frame({bytes({0xf9, 5}), bytes({0xf9, 5})}), module), ErrorCode::kMalformed,
                 "2 segments");
  EXPECT_FAILURE(check_rle(Bytes(63), module), ErrorCode::kMalformed, "shorter than its header");
}

TEST(RleCheck, SegmentsMustLieInTheFrame) {
  Bytes frame = rle_frame({bytes({0xf9, 5})});
  frame[4] = std::byte{200};
  EXPECT_FAILURE(check_rle(frame, module_of(2, 4, 8)), ErrorCode::kMalformed, "outside the frame");
}

}  // namespace
}  // namespace chexworld

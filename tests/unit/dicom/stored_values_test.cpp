// SPDX-License-Identifier: Apache-2.0
//
// Native pixels: bits stored, high bit, sign, byte order, colour.
#include "dicom/decode.h"

#include "failing.h"
#include "support/dicom_shell.h"

namespace chexworld {
namespace {

using test::Bytes;
using test::dicom_file;
using test::native_file;
using test::ShellImage;
using testing::ElementsAre;

constexpr const char* kImplicit = "1.2.840.10008.1.2";
constexpr const char* kExplicit = "1.2.840.10008.1.2.1";
constexpr const char* kBig = "1.2.840.10008.1.2.2";

Bytes bytes(std::initializer_list<int> values) {
  Bytes all;
  for (const int value : values) all.push_back(std::byte(value));
  return all;
}

DecodedFrame decode(const Bytes& file, const DecodeRequest& request = {}) {
  return decode_frame(DicomFile::from_view(file), request);
}

TEST(StoredValues, AreMaskedToTheBitsStored) {
  const ShellImage image{.columns = 3, .bits_stored = 12, .high_bit = 11};
  const Bytes pixels = bytes({0x34, 0xf2, 0xff, 0xff, 0x00, 0x10});
  for (const char* syntax : {kImplicit, kExplicit}) {
    EXPECT_THAT(decode(native_file(image, syntax, pixels)).pixels.samples, ElementsAre(0x234, 0xfff, 0));
  }
}

TEST(StoredValues, ComeDownFromTheHighBit) {
  const ShellImage image{.columns = 2, .bits_stored = 12, .high_bit = 15};
  EXPECT_THAT(decode(native_file(image, kExplicit, bytes({0x4f, 0x23, 0xf0, 0xff}))).pixels.samples,
              ElementsAre(0x234, 0xfff));
}

TEST(StoredValues, AreSignExtended) {
  const ShellImage image{.columns = 3, .bits_stored = 12, .high_bit = 11, .is_signed = true};
  const StoredPixels pixels = decode(native_file(image, kExplicit, bytes({0xff, 0x0f, 0x00, 0x08, 0xff, 0xf7}))).pixels;
  EXPECT_TRUE(pixels.is_signed);
  EXPECT_EQ(pixels.bits_stored, 12);
  EXPECT_THAT(pixels.samples, ElementsAre(std::uint16_t(-1), std::uint16_t(-2048), 2047));
}

TEST(StoredValues, BigEndianWordsAreTurned) {
  const ShellImage image{.columns = 2, .bits_stored = 16, .high_bit = 15};
  EXPECT_THAT(decode(native_file(image, kBig, bytes({0x12, 0x34, 0xfe, 0xdc}))).pixels.samples,
              ElementsAre(0x1234, 0xfedc));
}

TEST(StoredValues, BigEndianBytesInWordsAreTurnedToo) {
  const ShellImage image{.columns = 4, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
  EXPECT_THAT(decode(native_file(image, kBig, bytes({2, 1, 4, 3}))).pixels.samples, ElementsAre(1, 2, 3, 4));
}

TEST(StoredValues, SecondFrameFollowsTheFirst) {
  const ShellImage image{.columns = 2, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7, .frames = 2};
  const Bytes file = native_file(image, kExplicit, bytes({1, 2, 3, 4}));
  EXPECT_THAT(decode(file, {.frame = 1}).pixels.samples, ElementsAre(3, 4));
  EXPECT_FAILURE(decode(file, {.frame = 2}), ErrorCode::kInvalidArgument, "no frame 2");
}

TEST(StoredValues, ReducedToTheShortSideAskedFor) {
  const ShellImage image{.rows = 4, .columns = 6, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
  Bytes pixels;
  for (int i = 0; i < 24; ++i) pixels.push_back(std::byte(i));
  const DecodedFrame frame = decode(native_file(image, kExplicit, pixels), {.short_side = 2});
  EXPECT_EQ(frame.plan.reduction, 2);
  EXPECT_EQ(frame.plan.path(), "mapped file at 1/2 (area mean)");
  EXPECT_THAT(frame.pixels.samples, ElementsAre(4, 6, 8, 16, 18, 20));  // 3.5 rounds up
}

TEST(StoredValues, NeverReducedBelowTheShortSide) {
  const ShellImage image{.rows = 5, .columns = 7, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
  for (int side = 1; side <= 6; ++side) {
    const StoredPixels pixels = decode(native_file(image, kExplicit, Bytes(36)), {.short_side = side}).pixels;
    EXPECT_GE(pixels.rows, std::min(side, 5));
    EXPECT_GE(pixels.columns, std::min(side, 7));
  }
}

TEST(Colour, RgbBecomesLumaInEitherPlanarConfiguration) {
  ShellImage image{.columns = 2, .samples = 3, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
  image.photometric = "RGB";
  const DecodedFrame interleaved = decode(native_file(image, kExplicit, bytes({255, 0, 0, 10, 20, 30})));
  EXPECT_TRUE(interleaved.plan.colour);
  EXPECT_THAT(interleaved.pixels.samples, ElementsAre(76, 18));
  image.planar = true;
  EXPECT_THAT(decode(native_file(image, kExplicit, bytes({255, 10, 0, 20, 0, 30}))).pixels.samples,
              ElementsAre(76, 18));
}

TEST(Colour, YbrKeepsItsLuma) {
  ShellImage image{.columns = 2, .samples = 3, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
  image.photometric = "YBR_FULL";
  EXPECT_THAT(decode(native_file(image, kExplicit, bytes({9, 1, 2, 8, 3, 4}))).pixels.samples, ElementsAre(9, 8));
  image.photometric = "YBR_FULL_422";
  EXPECT_THAT(decode(native_file(image, kExplicit, bytes({9, 8, 128, 128}))).pixels.samples, ElementsAre(9, 8));
}

Bytes palette_file(const Bytes& red_data, std::uint16_t bits) {
  ShellImage image{.columns = 3, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
  image.photometric = "PALETTE COLOR";
  test::ElementWriter dataset = image_dataset(image, ElementEncoding::kExplicitLittle);
  for (const DicomTag tag :
       {tags::kRedPaletteDescriptor, tags::kGreenPaletteDescriptor, tags::kBluePaletteDescriptor}) {
    dataset.header(tag, "US", 6);
    for (const std::uint16_t value : {std::uint16_t(2), std::uint16_t(1), bits}) dataset.u16(value);
  }
  for (const DicomTag tag : {tags::kRedPaletteData, tags::kGreenPaletteData, tags::kBluePaletteData}) {
    dataset.value(tag, "OW", red_data);
  }
  dataset.value(tags::kPixelData, "OW", bytes({0, 1, 2}));
  return dicom_file(kExplicit, dataset.bytes());
}

TEST(Colour, PaletteIsLookedUp) {
  EXPECT_THAT(decode(palette_file(bytes({0, 40, 0, 200}), 16)).pixels.samples, ElementsAre(40, 40, 200));
  EXPECT_THAT(decode(palette_file(bytes({40, 200}), 8)).pixels.samples, ElementsAre(40, 40, 200));
  EXPECT_FAILURE(decode(palette_file(bytes({40, 0}), 16)), ErrorCode::kMalformed, "(0028,1201)");
}

TEST(StoredValues, UnsupportedCellsAreNamed) {
  const ShellImage image{.bits_allocated = 32, .bits_stored = 32, .high_bit = 31};
  EXPECT_FAILURE(decode(native_file(image, kExplicit, Bytes(4))), ErrorCode::kUnsupported, "(0028,0100)");
}

}  // namespace
}  // namespace chexworld

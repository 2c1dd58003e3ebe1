// SPDX-License-Identifier: Apache-2.0
//
// load_radiograph on made objects: what it promises in <chexworld/radiograph.h>.
#include "dicom/radiograph.h"
#include "support/dicom_shell.h"
#include "support/temporary_folder.h"

#include <fstream>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

using test::Bytes;
using test::ElementWriter;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kExplicitLittle = "1.2.840.10008.1.2.1";

/// What a made object says beyond its pixels, a horizontal ramp from 0.
struct Made {
  int rows = 300;
  int columns = 400;
  std::string modality = "CR";
  std::string body_part = "CHEST";
  std::string photometric = "MONOCHROME2";
  std::string window_center;
  std::string window_width;
  int frames = 1;
  bool with_pixels = true;
};

Bytes bytes_of(const Made& made) {
  ElementWriter writer(ElementEncoding::kExplicitLittle);
  writer.text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.1");
  writer.text({0x0008, 0x0018}, "UI", "1.2.3");
  writer.text({0x0008, 0x0060}, "CS", made.modality);
  writer.text({0x0018, 0x0015}, "CS", made.body_part);
  writer.text({0x0018, 0x5101}, "CS", "PA");
  writer.number(tags::kSamplesPerPixel, 1);
  writer.text(tags::kPhotometricInterpretation, "CS", made.photometric);
  writer.text(tags::kNumberOfFrames, "IS", std::to_string(made.frames));
  writer.number(tags::kRows, std::uint16_t(made.rows));
  writer.number(tags::kColumns, std::uint16_t(made.columns));
  writer.number(tags::kBitsAllocated, 16);
  writer.number(tags::kBitsStored, 12);
  writer.number(tags::kHighBit, 11);
  writer.number(tags::kPixelRepresentation, 0);
  if (!made.window_center.empty()) {
    writer.text({0x0028, 0x1050}, "DS", made.window_center);
    writer.text({0x0028, 0x1051}, "DS", made.window_width);
  }
  ElementWriter pixels(ElementEncoding::kExplicitLittle);
  for (int y = 0; y < made.rows; ++y)
    for (int x = 0; x < made.columns; ++x) pixels.u16(std::uint16_t(x));
  if (made.with_pixels) writer.value(tags::kPixelData, "OW", pixels.bytes());
  return test::dicom_file(kExplicitLittle, writer.bytes());
}

Result<Radiograph> load(const Made& made, const RenderOptions& options = {}) {
  return load_radiograph(std::span<const std::byte>(bytes_of(made)), options);
}

TEST(LoadRadiograph, FromBytesAndFromAFileAlike) {
  const test::TemporaryFolder folder;
  const Bytes bytes = bytes_of({});
  std::ofstream(folder / "a.dcm", std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
  const Result<Radiograph> from_file = load_radiograph(folder / "a.dcm"), from_bytes = load({});
  ASSERT_TRUE(from_file.ok() && from_bytes.ok());
  EXPECT_TRUE(from_file->gate.accepted());
  EXPECT_EQ(from_file->picture.pixels, from_bytes->picture.pixels);
  EXPECT_EQ(from_file->attributes.sop_instance_uid, "1.2.3");
  EXPECT_EQ(from_file->attributes.bits_stored, 12);
  EXPECT_THAT(from_file->grey, IsEmpty());
  EXPECT_EQ(load_radiograph(folder / "b.dcm").error().code(), ErrorCode::kNotFound);
}

TEST(LoadRadiograph, WithoutAWindowTheRangeIsShown) {
  const Result<Radiograph> loaded = load({.rows = 1, .columns = 3});
  ASSERT_TRUE(loaded.ok());
  EXPECT_THAT(loaded->picture.pixels, ElementsAre(0, 128, 255));
  EXPECT_EQ(loaded->attributes.contrast, "range");
  EXPECT_THAT(load({.rows = 1, .columns = 3, .photometric = "MONOCHROME1"})->picture.pixels, ElementsAre(255, 128, 0));
}

TEST(LoadRadiograph, TheSecondWindowOnRequest) {
  const Made made{.rows = 1, .columns = 5, .window_center = "2.5\\1", .window_width = "5\\1"};
  RenderOptions second;
  second.window = 1;
  EXPECT_THAT(load(made)->picture.pixels, ElementsAre(0, 64, 128, 191, 255));
  EXPECT_THAT(load(made, second)->picture.pixels, ElementsAre(0, 255, 255, 255, 255));
}

TEST(LoadRadiograph, SkipsWithoutDecodingButSaysHowItWould) {
  const Result<Radiograph> loaded = load({.modality = "CT"});
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->gate.reason, GateReason::kOtherModality);
  EXPECT_THAT(loaded->picture.pixels, IsEmpty());
  EXPECT_THAT(loaded->attributes.decoder, HasSubstr("mapped"));
  RenderOptions anyway;
  anyway.render_skipped = true;
  EXPECT_EQ(load({.modality = "CT"}, anyway)->picture.width, 400);
  EXPECT_EQ(load({.body_part = "KNEE", .with_pixels = false})->gate.reason, GateReason::kNotChest);
}

TEST(LoadRadiograph, AChestWithoutPixelsIsDamaged) {
  const Result<Radiograph> loaded = load({.with_pixels = false});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code(), ErrorCode::kMalformed);
}

TEST(LoadRadiograph, FastPathReducesOnlyWhereTheContrastIsStated) {
  RenderOptions fast;
  fast.fast = true;
  fast.short_side = 100;
  const Result<Radiograph> stated = load({.window_center = "200", .window_width = "400"}, fast);
  const Result<Radiograph> measured = load({}, fast);
  ASSERT_TRUE(stated.ok() && measured.ok());
  EXPECT_EQ(stated->picture.height, 100);
  EXPECT_EQ(stated->attributes.rows, 300);
  EXPECT_EQ(measured->picture.height, 300);
}

TEST(LoadRadiograph, TellsDoubtsOnceAndMarksThem) {
  const Result<Radiograph> loaded = load({.window_center = "200", .window_width = "0"});
  ASSERT_TRUE(loaded.ok());
  EXPECT_THAT(loaded->quality, Contains(QualityNote::kDoubtful));
  EXPECT_THAT(loaded->doubts, ElementsAre(HasSubstr("window 1")));
}

TEST(LoadRadiograph, RefusesImpossibleOptions) {
  for (RenderOptions options : {RenderOptions{.fast = true, .short_side = 0}, RenderOptions{.window = -1},
                                RenderOptions{.low_percent = 60, .high_percent = 40}}) {
    const Result<Radiograph> loaded = load({}, options);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(OptionsFor, AskForWhatTheRecipeNeeds) {
  PreparationRecipe recipe;
  recipe.contrast.kind = ContrastPolicy::Kind::kPercentile;
  recipe.contrast.choice = 2;
  RenderOptions options = options_for(recipe, true);
  EXPECT_TRUE(options.fast);
  EXPECT_EQ(options.short_side, recipe.size.resize);
  EXPECT_EQ(options.contrast, Contrast::kPercentile);
  EXPECT_EQ(options.window, 2);
  recipe.trim.collimation = true;
  recipe.fit = PreparationRecipe::Fit::kLetterbox;
  options = options_for(recipe, false);
  EXPECT_FALSE(options.fast);
  EXPECT_EQ(options.short_side, 2 * recipe.size.crop);
}

}  // namespace
}  // namespace chexworld

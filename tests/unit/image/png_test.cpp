// SPDX-License-Identifier: Apache-2.0
#include "image/png.h"
#include "base/failure.h"
#include "pictures.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

TEST(Png, ComesBackToTheBit) {
  const test::TemporaryFolder folder;
  const GrayImage picture = test::textured(37, 23);
  write_png(folder.path() / "a.png", picture);
  const GrayImage read = read_picture(folder.path() / "a.png");
  EXPECT_EQ(read.width, 37);
  EXPECT_EQ(read.height, 23);
  EXPECT_EQ(read.pixels, picture.pixels);
}

TEST(Png, RefusesWhatIsNoPicture) {
  const auto decoded = capture([] { return decode_picture(std::as_bytes(std::span("no picture at all"))); });
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code(), ErrorCode::kMalformed);
  EXPECT_FALSE(capture([] { return decode_picture({}); }).ok());
  EXPECT_FALSE(capture([] { return encode_png(GrayImage{}); }).ok());
}

TEST(Png, NamesTheFolderThatIsNotThere) {
  const auto written = capture([] { write_png("/nowhere/at/all.png", test::textured(2, 2)); });
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message(), testing::HasSubstr("/nowhere/at"));
}

}  // namespace
}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "image/geometry.h"

#include "base/failure.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using testing::HasSubstr;

const GrayImage kImage{3, 2, {1, 2, 3, 4, 5, 6}};

TEST(Crop, TakesTheNamedPart) {
  EXPECT_EQ(crop(kImage, {0, 1, 2, 2}).pixels, (std::vector<std::uint8_t>{2, 3, 5, 6}));
  EXPECT_EQ(crop(kImage, {0, 0, 2, 3}).pixels, kImage.pixels);
}

TEST(Crop, RefusesWhatIsNotInside) {
  for (const PixelRect rect : {PixelRect{0, 2, 1, 2}, PixelRect{-1, 0, 1, 1}, PixelRect{0, 0, 0, 1},
                               PixelRect{2, 0, 1, 1}, PixelRect{0, 1, 1, 2'147'483'647}}) {
    const auto result = capture([&] { return crop(kImage, rect); });
    ASSERT_FALSE(result.ok());
    EXPECT_THAT(result.error().message(), HasSubstr("does not lie inside a picture of 3 x 2"));
  }
}

TEST(Flip, MirrorsEveryRowAndUndoesItself) {
  EXPECT_EQ(flip_horizontally(kImage).pixels, (std::vector<std::uint8_t>{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(flip_horizontally(flip_horizontally(kImage)).pixels, kImage.pixels);
}

TEST(Picture, MustHoldAsManyValuesAsItsSizeSays) {
  EXPECT_EQ(capture([] { return flip_horizontally({2, 2, {1, 2, 3}}); }).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(capture([] { return flip_horizontally({}); }).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld

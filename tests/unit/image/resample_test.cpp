// SPDX-License-Identifier: Apache-2.0
#include "image/resample.h"

#include "base/failure.h"
#include "image/resample_filter.h"
#include "pictures.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

FloatImage as_float(const GrayImage& image) {
  return {image.width, image.height, {image.pixels.begin(), image.pixels.end()}};
}

// The definition, written down directly: both directions at once in double precision.
double resampled_at(const GrayImage& image, const std::vector<double>& rows, const std::vector<double>& columns, int y,
                    int x) {
  double sum = 0;
  for (int j = 0; j < image.height; ++j)
    for (int i = 0; i < image.width; ++i)
      sum += rows[std::size_t(y * image.height + j)] * columns[std::size_t(x * image.width + i)] * image.at(j, i);
  return sum;
}

TEST(Filter, WeightsSumToOneAndStayInside) {
  for (const auto& [input, output] : {std::pair{7, 3}, {3, 7}, {100, 99}, {1, 5}, {513, 224}, {5, 1}}) {
    const ResampleFilter filter = bicubic_filter(input, output);
    for (std::size_t i = 0; i < filter.windows.size(); ++i) {
      const auto [first, count] = filter.windows[i];
      ASSERT_GE(first, 0);
      ASSERT_GT(count, 0);
      ASSERT_LE(first + count, input);
      ASSERT_LE(count, filter.stride);
      double sum = 0;
      for (int k = 0; k < count; ++k) sum += filter.weights[i * std::size_t(filter.stride) + std::size_t(k)];
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  }
}

TEST(Filter, EnlargingByTwoGivesTheKnownCubicWeights) {
  const std::vector<double> matrix = bicubic_matrix(6, 12);  // output 5 lies at 2.75, input i at i + 0.5
  const double expected[] = {0, -0.0703125, 0.8671875, 0.2265625, -0.0234375, 0};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(matrix[5 * 6 + i], expected[i], 1e-12) << i;
}

TEST(Resize, AgreesWithTheDefinition) {
  const GrayImage image = test::textured(41, 29);
  for (const PixelSize size : {PixelSize{13, 17}, {29, 50}, {60, 41}, {7, 90}, {1, 1}}) {
    const std::vector<double> rows = bicubic_matrix(29, size.height);
    const std::vector<double> columns = bicubic_matrix(41, size.width);
    const GrayImage eight = resize(image, size);
    const FloatImage real = resize(as_float(image), size);
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const double expected = resampled_at(image, rows, columns, y, x);
        ASSERT_NEAR(real.pixels[std::size_t(y * size.width + x)], expected, 1e-3);
        ASSERT_NEAR(eight.at(y, x), std::clamp(expected, 0.0, 255.0), 2.0);  // rounded twice
      }
    }
  }
}

TEST(Resize, SameSizeIsACopy) {
  const GrayImage image = test::textured(33, 17);
  EXPECT_EQ(resize(image, {17, 33}).pixels, image.pixels);
}

TEST(Resize, TurnsWithThePicture) {
  const GrayImage image = test::textured(40, 30);
  EXPECT_EQ(flip_horizontally(resize(image, {30, 20})).pixels, resize(flip_horizontally(image), {30, 20}).pixels);
}

TEST(ResizedCrop, SeesNothingOutsideItsPart) {
  const GrayImage image = test::textured(50, 40);
  const PixelRect rect{5, 9, 21, 30};
  EXPECT_EQ(resized_crop(image, rect, {16, 16}).pixels, resize(crop(image, rect), {16, 16}).pixels);
}

TEST(ResizedCrop, MirrorsBeforeItResizes) {
  const GrayImage image = test::textured(50, 40);
  const PixelRect rect{5, 9, 21, 30};
  for (const PixelSize size : {PixelSize{16, 16}, {40, 30}, {21, 30}})  // the width changes, or does not
    EXPECT_EQ(resized_crop(image, rect, size, true).pixels, resize(flip_horizontally(crop(image, rect)), size).pixels);
}

TEST(ShortSide, KeepsTheOtherInProportionRoundedDown) {
  EXPECT_EQ(with_short_side({80, 96}, 73), (PixelSize{73, 87}));
  EXPECT_EQ(with_short_side({96, 80}, 73), (PixelSize{87, 73}));
  EXPECT_EQ(with_short_side({50, 50}, 224), (PixelSize{224, 224}));
}

TEST(CenterCrop, GivesHalfAPixelToTheEvenOffset) {
  EXPECT_EQ(central_square({64, 76}, 56), (PixelRect{4, 10, 56, 56}));
  EXPECT_EQ(central_square({73, 87}, 64), (PixelRect{4, 12, 64, 64}));  // 4.5 -> 4, 11.5 -> 12
  EXPECT_EQ(capture([] { return central_square({60, 80}, 61); }).error().code(), ErrorCode::kInvalidArgument);
}

TEST(EvaluationView, IsTheCenterOfTheResizedFilm) {
  const GrayImage image = test::textured(90, 70);
  const GrayImage view = evaluation_view(image, {64, 56});
  EXPECT_EQ(view.width, 56);
  EXPECT_EQ(view.height, 56);
  EXPECT_EQ(view.pixels, center_crop(resize(image, {64, 82}), 56).pixels);
}

TEST(Resize, RefusesEmptyResults) {
  EXPECT_EQ(capture([] { return resize(test::textured(4, 4), {0, 3}); }).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(capture([] { return with_short_side({4, 4}, -1); }).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(capture([] { return resize(FloatImage{2, 2, {1}}, {3, 3}); }).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace chexworld

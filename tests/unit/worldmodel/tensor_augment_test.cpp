// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/tensor_augment.h"

#include "base/failure.h"
#include "image/resample_filter.h"
#include "path_difference.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

// Smooth like a film, with a sharp edge, of every grey value.
GrayImage made_up_film(int width, int height, int seed) {
  GrayImage film{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double wave = std::sin(x * 0.05 + seed) * std::cos(y * 0.07 - seed) * 90 + 120;
      film.pixels.push_back(std::uint8_t(x * 7 > width * 6 ? 255 : int(wave) + (x * y + seed) % 9));
    }
  }
  return film;
}

std::vector<GrayImage> made_up_films() {
  return {made_up_film(130, 90, 1), made_up_film(61, 140, 2), made_up_film(100, 100, 3), made_up_film(33, 35, 4)};
}

TEST(TensorAugment, CarriesOutTheSamePlanAsTheEightBitPath) {
  DualViewSettings settings;
  settings.size = 48;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto difference = test::difference_of_paths(made_up_films(), settings, seed, at::kCPU);
    EXPECT_LE(difference.largest(), 2) << seed;
    EXPECT_LT(difference.mean(), 0.01) << seed;
  }
}

TEST(TensorAugment, NoiseAndBlurAreTheSameToo) {
  DualViewSettings settings;
  settings.size = 32;
  settings.action.noise_probability = 1;
  settings.action.blur_probability = 1;
  settings.action.blur_radius = {0.1, 9};
  const auto difference = test::difference_of_paths(made_up_films(), settings, 3, at::kCPU);
  EXPECT_LE(difference.largest(), 2);
  EXPECT_LT(difference.mean(), 0.01);
}

TEST(ResampleMatrices, AreThoseOfTheEightBitPath) {
  const at::Tensor starts = at::tensor({0.F, 3.F});
  const at::Tensor lengths = at::tensor({17.F, 9.F});
  const at::Tensor mirrored = at::tensor({0, 1}).to(at::kBool);
  const at::Tensor matrices = resample_matrices(starts, lengths, mirrored, 12, 17);
  const std::vector<double> whole = bicubic_matrix(17, 12);
  const std::vector<double> part = bicubic_matrix(9, 12);
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 17; ++j) {
      EXPECT_NEAR(matrices[0][i][j].item<float>(), whole[std::size_t(i * 17 + j)], 1e-6);
      const double expected = j >= 3 && j < 12 ? part[std::size_t((11 - i) * 9 + j - 3)] : 0;
      EXPECT_NEAR(matrices[1][i][j].item<float>(), expected, 1e-6);
    }
  }
}

TEST(Normalized, IsThatOfTheEightBitPath) {
  const GrayImage film = made_up_film(20, 10, 1);
  std::vector<float> expected(600);
  normalize(film, {}, expected);
  const at::Tensor found = normalized(stack_films(std::vector{film}, at::kCPU).pixels, {});
  EXPECT_EQ(found.sizes(), (at::IntArrayRef{1, 3, 10, 20}));
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(found.flatten()[std::int64_t(i)].item<float>(), expected[i], 1e-6);
}

TEST(TensorAugment, RefusesBatchesThatDoNotFitTogether) {
  const auto films = stack_films(made_up_films(), at::kCPU);
  const std::vector<RandomStream> streams(4);
  EXPECT_THROW(make_dual_views(films, std::vector<DualViewPlan>(3), 8, streams), Failure);
  EXPECT_THROW(make_dual_views(films, std::vector<DualViewPlan>(4), 8, streams), Failure);  // empty crops
  EXPECT_THROW(stack_films({}, at::kCPU), Failure);
}

}  // namespace
}  // namespace chexworld

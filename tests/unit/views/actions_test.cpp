// SPDX-License-Identifier: Apache-2.0
#include "views/actions.h"

#include "base/failure.h"
#include "image/adjust.h"
#include "image/blur.h"

#include <cmath>
#include <gmock/gmock.h>
#include <numeric>

namespace chexworld {
namespace {

GrayImage ramp() {
  GrayImage image{16, 16, std::vector<std::uint8_t>(256)};
  std::iota(image.pixels.begin(), image.pixels.end(), std::uint8_t(0));
  return image;
}

TEST(Action, DefaultIsNothing) {
  StreamRandom noise({});
  EXPECT_EQ(apply_action(ramp(), {}, noise).pixels, ramp().pixels);
  EXPECT_THAT(Action().values(), testing::ElementsAre(1, 1, 1, 0, 0));
}

TEST(Action, IsAppliedInItsOrder) {
  const Action action{0.8F, 1.3F, 1.5F, 1.2F, 0};
  const GrayImage steps = gaussian_blur(
      adjust_gamma(adjust_contrast(adjust_brightness(ramp(), action.brightness), action.contrast), action.gamma),
      action.blur_radius);
  StreamRandom noise({});
  EXPECT_EQ(apply_action(ramp(), action, noise).pixels, steps.pixels);
  EXPECT_EQ(Action::from_values(action.values()), action);
}

TEST(Action, NoiseHasItsSigmaAfterLuma) {
  const GrayImage flat{100, 100, std::vector<std::uint8_t>(10000, 128)};
  StreamRandom noise({1, 0, 0, RandomPurpose::kNoiseFirst});
  const GrayImage noisy = apply_action(flat, {1, 1, 1, 0, 0.05F}, noise);
  double variance = 0;
  for (const std::uint8_t value : noisy.pixels) variance += (value - 127.5) * (value - 127.5) / 10000;
  // luma of three independent channels: sqrt(0.299^2 + 0.587^2 + 0.114^2) = 0.6685 of one channel's deviation
  EXPECT_NEAR(std::sqrt(variance), 0.6685 * 0.05 * 255, 0.4);
}

TEST(DrawAction, FollowsItsProbabilitiesAndRanges) {
  StreamRandom random({2, 0, 0, RandomPurpose::kViews});
  const ActionSettings settings;
  constexpr int kDraws = 20000;
  int toned = 0;
  int blurred = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Action action = draw_action(settings, random);
    toned += action.brightness != 1 || action.contrast != 1 || action.gamma != 1;
    blurred += action.blur_radius > 0;
    ASSERT_EQ(action.noise_sigma, 0);
    ASSERT_TRUE(action.brightness >= 0.6F && action.brightness <= 1.4F);
    ASSERT_TRUE(action.contrast >= 0.6F && action.contrast <= 1.4F);
    ASSERT_TRUE(action.gamma >= 0.5F && action.gamma <= 2.0F);
    ASSERT_TRUE(action.blur_radius == 0 || (action.blur_radius >= 0.1F && action.blur_radius <= 2.0F));
  }
  EXPECT_NEAR(toned, 0.8 * kDraws, 5 * std::sqrt(kDraws * 0.16));
  EXPECT_NEAR(blurred, 0.2 * kDraws, 5 * std::sqrt(kDraws * 0.16));
}

TEST(ActionSettings, ImpossibleOnesAreNamed) {
  ActionSettings settings;
  settings.gamma = {0, 2};
  EXPECT_THAT(capture([&] { require_possible(settings); }).error().message(), testing::HasSubstr("gamma from 0 to 2"));
  settings = {};
  settings.blur_probability = 1.5;
  EXPECT_THAT(capture([&] { require_possible(settings); }).error().message(), testing::HasSubstr("blur"));
}

}  // namespace
}  // namespace chexworld

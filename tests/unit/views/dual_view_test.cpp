// SPDX-License-Identifier: Apache-2.0
#include "views/dual_view.h"

#include "base/failure.h"

#include <cmath>
#include <gmock/gmock.h>
#include <numeric>
#include <thread>

namespace chexworld {
namespace {

constexpr PixelSize kFilm{240, 320};

// Every column has its own grey value, so that a view shows where it came from.
GrayImage columns() {
  GrayImage film{256, 64, std::vector<std::uint8_t>(256 * 64)};
  for (std::size_t i = 0; i < film.pixels.size(); ++i) film.pixels[i] = std::uint8_t(i % 256);
  return film;
}

DualViewPlan plan_of(std::uint64_t seed, std::uint64_t sample, PixelSize film = kFilm) {
  StreamRandom random({seed, 0, sample, RandomPurpose::kViews});
  return draw_dual_view({}, film, random);
}

TEST(DualView, CropsAreInsideEquallyLargeAndAsTheSettingsSay) {
  for (std::uint64_t sample = 0; sample < 5000; ++sample) {
    const DualViewPlan plan = plan_of(1, sample);
    const PixelRect& first = plan.views[0].crop;
    const PixelRect& second = plan.views[1].crop;
    ASSERT_EQ(first.height, second.height);
    ASSERT_EQ(first.width, second.width);
    for (const PixelRect& rect : {first, second})
      ASSERT_TRUE(rect.top >= 0 && rect.left >= 0 && rect.top + rect.height <= 240 && rect.left + rect.width <= 320);
    const double share = double(first.height) * first.width / (240 * 320);
    ASSERT_TRUE(share > 0.3 * 0.98 && share <= 1) << share;
    const double aspect = double(first.width) / first.height;
    ASSERT_TRUE(aspect > 0.75 * 0.98 && aspect < 4.0 / 3 * 1.02) << aspect;
  }
}

TEST(DualView, FlipsAndJitterHappenAsOftenAsTheyShould) {
  constexpr int kSamples = 10000;
  int flips[2] = {};
  int both = 0;
  int jittered = 0;
  int contrast_first = 0;
  for (std::uint64_t sample = 0; sample < kSamples; ++sample) {
    const DualViewPlan plan = plan_of(2, sample);
    for (std::size_t v = 0; v < 2; ++v) flips[v] += plan.views[v].flipped;
    both += plan.views[0].flipped && plan.views[1].flipped;
    jittered += plan.jitter.brightness != 1;
    contrast_first += plan.jitter.contrast_first;
    ASSERT_TRUE(plan.jitter.brightness >= 0.6F && plan.jitter.brightness <= 1.4F);
    ASSERT_TRUE(plan.jitter.contrast >= 0.6F && plan.jitter.contrast <= 1.4F);
  }
  const auto expect_share = [](int count, double share) {
    EXPECT_NEAR(count, share * kSamples, 5 * std::sqrt(kSamples * share * (1 - share)));
  };
  expect_share(flips[0], 0.5);
  expect_share(flips[1], 0.5);
  expect_share(both, 0.25);
  expect_share(jittered, 0.8);
  expect_share(contrast_first, 0.4);
}

TEST(DualView, OnThinFilmsTheCropFallsBackToTheMiddle) {
  StreamRandom random({});
  EXPECT_EQ(draw_crop({{0.9, 1.0}, {0.75, 4.0 / 3}}, {100, 1000}, random), (PixelRect{0, 434, 100, 133}));
  EXPECT_EQ(draw_crop({{0.9, 1.0}, {0.75, 4.0 / 3}}, {1000, 100}, random), (PixelRect{434, 0, 133, 100}));
  EXPECT_EQ(draw_crop({}, {1, 1}, random), (PixelRect{0, 0, 1, 1}));
  EXPECT_THROW(draw_crop({}, {0, 5}, random), Failure);
}

// The position must be the one at which the network would find the other view's pixels: carried out by hand.
TEST(RelativePosition, PointsAtTheSamePixelsWhateverIsFlipped) {
  const int width = 256;
  for (int flips = 0; flips < 4; ++flips) {
    DualViewPlan plan;
    plan.film_width = width;
    plan.views[0] = {(flips & 1) != 0, {3, 40, 50, 100}, {}};
    plan.views[1] = {(flips & 2) != 0, {9, 96, 50, 100}, {}};
    const RelativePosition position = second_seen_from_first(plan);
    // By way of the film, where a column of either view has one definite place.
    const auto film_column = [&](const ViewPlan& view, double x) {
      const double column = view.crop.left + x * view.crop.width;
      return view.flipped ? width - column : column;
    };
    const auto column_in_first = [&](double film) {
      const double column = plan.views[0].flipped ? width - film : film;
      return (column - plan.views[0].crop.left) / plan.views[0].crop.width;
    };
    for (const double x : {0.0, 0.3, 1.0}) {
      const double expected = column_in_first(film_column(plan.views[1], x));
      const double found = position[2] != 0 ? position[3] - x : position[1] + x;
      EXPECT_NEAR(found, expected, 1e-6) << flips;
    }
    EXPECT_FLOAT_EQ(position[0], 6.0F / 50);
  }
}

TEST(RelativePosition, OfTheFirstNegatesTheShiftOnly) {
  const DualViewPlan plan = plan_of(3, 7);
  const RelativePosition there = second_seen_from_first(plan);
  const RelativePosition back = first_seen_from_second(plan);
  EXPECT_EQ(back, (RelativePosition{-there[0], -there[1], there[2], there[3]}));
  DualViewPlan same = plan;
  same.views[1].crop = same.views[0].crop;
  EXPECT_FALSE(std::signbit(first_seen_from_second(same)[0]));
}

TEST(CutView, AMirroredViewShowsTheMirroredFilm) {
  const GrayImage film = columns();
  const ViewPlan plan{true, {5, 30, 40, 60}, {}};
  EXPECT_EQ(cut_view(film, plan, 32).pixels, resized_crop(flip_horizontally(film), plan.crop, {32, 32}).pixels);
  EXPECT_EQ(unmirrored(plan.crop, 256), (PixelRect{5, 166, 40, 60}));
}

TEST(SingleView, IsTheFirstViewOfADualOneWithoutItsAction) {
  StreamRandom random({3, 0, 7, RandomPurpose::kViews});
  const SingleViewPlan single = draw_single_view({}, kFilm, random);
  const DualViewPlan dual = plan_of(3, 7);
  EXPECT_EQ(single.jitter, dual.jitter);
  EXPECT_EQ(single.view.crop, dual.views[0].crop);
  EXPECT_EQ(single.view.flipped, dual.views[0].flipped);
  EXPECT_EQ(single.view.action, Action());
}

std::vector<DualView> made_by(std::size_t workers, std::size_t samples) {
  const GrayImage film = columns();
  DualViewSettings settings;
  settings.size = 32;
  settings.action.noise_probability = 0.5;
  std::vector<DualView> results(samples);
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::size_t i = worker; i < samples; i += workers) {
        const RandomStream stream{9, 2, i, RandomPurpose::kViews};
        StreamRandom random(stream);
        const DualViewPlan plan = draw_dual_view(settings, {film.height, film.width}, random);
        results[i] = make_dual_view(film, plan, settings.size, stream);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

TEST(DualView, TwoWorkersAndEightGiveTheSameSamples) {
  const auto two = made_by(2, 40);
  const auto eight = made_by(8, 40);
  for (std::size_t i = 0; i < two.size(); ++i) {
    for (std::size_t v = 0; v < 2; ++v) {
      EXPECT_EQ(two[i].views[v].pixels, eight[i].views[v].pixels) << i;
      EXPECT_EQ(two[i].contexts[v].pixels, eight[i].contexts[v].pixels) << i;
    }
  }
}

TEST(DualViewSettings, ImpossibleOnesAreNamed) {
  const auto message_of = [](auto change) {
    DualViewSettings settings;
    change(settings);
    const auto result = capture([&] { require_possible(settings); });
    return result.ok() ? std::string("no error") : result.error().message();
  };
  EXPECT_EQ(message_of([](auto&) {}), "no error");
  EXPECT_THAT(message_of([](auto& s) { s.size = 0; }), testing::HasSubstr("size"));
  EXPECT_THAT(message_of([](auto& s) { s.crop.area_scale = {0.5, 0.4}; }), testing::HasSubstr("area scale"));
  EXPECT_THAT(message_of([](auto& s) { s.crop.aspect = {0, 1}; }), testing::HasSubstr("aspect"));
  EXPECT_THAT(message_of([](auto& s) { s.flip_probability = -1; }), testing::HasSubstr("flips"));
  EXPECT_THAT(message_of([](auto& s) { s.jitter.contrast = 2; }), testing::HasSubstr("contrast"));
}

}  // namespace
}  // namespace chexworld

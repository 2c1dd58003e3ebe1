// SPDX-License-Identifier: Apache-2.0
#include "image/film_look.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

/// Two dark lungs beside a bright spine above a bright abdomen, as a child would draw them.
GrayImage drawn_film(int side, bool negative = false) {
  GrayImage film{side, side, {}};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const double u = (x + 0.5) / side - 0.5, v = (y + 0.5) / side;
      double grey = 110 + 20 * std::sin(12 * u + 1) * std::cos(14 * v);
      for (const double center : {-0.2, 0.2})
        if (std::hypot((u - center) / 0.14, (v - 0.42) / 0.28) < 1) grey -= 70;
      if (v > 0.75 && std::abs(u) < 0.38) grey += 90;
      if (std::abs(u) < 0.06 && v > 0.25) grey += 60;
      if (v < 0.1) grey -= 80;
      grey = std::clamp(grey, 0.0, 255.0);
      film.pixels.push_back(std::uint8_t(negative ? 255 - grey : grey));
    }
  }
  return film;
}

TEST(FilmLook, RecognisesAFrontalChestAndItsNegative) {
  const FilmLook look = look_at(drawn_film(300));
  EXPECT_TRUE(look.shows_two_lungs()) << look.chest_likeness;
  EXPECT_FALSE(look.looks_negative());
  EXPECT_FALSE(look.low_contrast());
  const FilmLook negative = look_at(drawn_film(300, true));
  EXPECT_TRUE(negative.looks_negative()) << negative.chest_likeness;
  EXPECT_NEAR(negative.chest_likeness, -look.chest_likeness, 0.1);
}

TEST(FilmLook, UpsideDownIsNoChest) {
  GrayImage film = drawn_film(256);
  std::reverse(film.pixels.begin(), film.pixels.end());
  EXPECT_FALSE(look_at(film).shows_two_lungs());
}

TEST(FilmLook, ConstantPicturesAreNearConstantAndLikeNothing) {
  const FilmLook look = look_at(GrayImage{100, 80, std::vector<std::uint8_t>(8000, 77)});
  EXPECT_TRUE(look.near_constant());
  EXPECT_EQ(look.chest_likeness, 0);
  EXPECT_EQ(look.grey_levels, 1);
  EXPECT_TRUE(look_at(GrayImage{1, 1, {9}}).near_constant());
}

TEST(FilmLook, MarginsDoNotCount) {
  const GrayImage inner = drawn_film(400);
  GrayImage film{800, 400, std::vector<std::uint8_t>(800 * 400)};
  for (int y = 0; y < 400; ++y)
    for (int x = 0; x < 400; ++x) film.at(y, 200 + x) = inner.at(y, x);
  const FilmLook look = look_at(film);
  EXPECT_NEAR(look.content_aspect, 1, 0.05);
  EXPECT_NEAR(look.black_border_share, 0.5, 0.03);
  EXPECT_NEAR(look.chest_likeness, look_at(inner).chest_likeness, 0.1);
}

}  // namespace
}  // namespace chexworld

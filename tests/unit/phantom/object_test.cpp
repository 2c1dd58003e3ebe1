// SPDX-License-Identifier: Apache-2.0
//
// A film written and read again.
#include "dicom/radiograph.h"
#include "dicom/radiograph_writer.h"
#include "phantom/film.h"
#include "plain_plan.h"
#include "support/temporary_folder.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace chexworld::phantom {
namespace {

WrittenRadiograph object_of(const Film& film) {
  WrittenRadiograph object;
  object.rows = film.height;
  object.columns = film.width;
  object.bits_stored = film.bits;
  object.pixels = film.stored;
  object.inverted = film.inverted;
  object.window_centre = film.window_centre;
  object.window_width = film.window_width;
  object.pixel_mm = film.pixel_mm;
  object.sop_instance_uid = uid_from_name("instance");
  object.series_uid = uid_from_name("series");
  object.study_uid = uid_from_name("study");
  object.view = WrittenView::kPA;
  return object;
}

TEST(PhantomObject, IsReadBackAsTheSamePicture) {
  const test::TemporaryFolder folder;
  for (int look = 0; look < kLooks; ++look) {
    FilmPlan plan = plain_plan();
    plan.look = look;
    const Film film = make_film(plan);
    write_digital_xray(folder / "film.dcm", object_of(film));
    const Result<Radiograph> read = load_radiograph(folder / "film.dcm");
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_TRUE(read->gate.accepted());
    EXPECT_EQ(read->gate.projection, Projection::kPosteroAnterior);
    EXPECT_TRUE(read->doubts.empty());
    const GrayImage expected = shown(film);
    ASSERT_EQ(read->picture.pixels.size(), expected.pixels.size());
    int worst = 0;
    for (std::size_t i = 0; i < expected.pixels.size(); ++i)
      worst = std::max(worst, std::abs(int(read->picture.pixels[i]) - int(expected.pixels[i])));
    EXPECT_LE(worst, 1);  // a window's ends lie half a value apart (PS3.3 C.11.2.1.2)
  }
}

TEST(PhantomObject, RefusesWhatDoesNotFit) {
  const test::TemporaryFolder folder;
  const Film film = make_film(plain_plan());
  WrittenRadiograph object = object_of(film);
  object.columns -= 1;
  EXPECT_THROW(write_digital_xray(folder / "film.dcm", object), std::exception);
  object = object_of(film);
  object.bits_stored = 8;
  EXPECT_THROW(write_digital_xray(folder / "film.dcm", object), std::exception);
  object = object_of(film);
  object.view = WrittenView::kUnknown;
  EXPECT_THROW(write_digital_xray(folder / "film.dcm", object), std::exception);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(PhantomObject, UidsAreValidAndDependOnTheNameAlone) {
  const std::string uid = uid_from_name("a");
  EXPECT_EQ(uid, uid_from_name("a"));
  EXPECT_NE(uid, uid_from_name("b"));
  for (int i = 0; i < 200; ++i) {
    const std::string next = uid_from_name(std::to_string(i));
    EXPECT_EQ(next.rfind("2.25.", 0), 0U);
    EXPECT_LE(next.size(), 64U);
    EXPECT_NE(next[5], '0');
    EXPECT_TRUE(std::all_of(next.begin() + 5, next.end(), [](char c) { return c >= '0' && c <= '9'; }));
  }
}

}  // namespace
}  // namespace chexworld::phantom

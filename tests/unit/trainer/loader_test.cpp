// SPDX-License-Identifier: Apache-2.0
#include "trainer/loading/loader.h"

#include "base/failure.h"
#include "support/temporary_folder.h"
#include "unit/trainer/drawn_films.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <set>

namespace chexworld::test {
namespace {

LoaderSettings small_settings() {
  LoaderSettings settings;
  settings.seed = 5;
  settings.batch_size = 4;
  settings.views.size = 32;
  settings.masks.grid_height = settings.masks.grid_width = 8;
  settings.masks.min_keep = 2;
  return settings;
}

void expect_equal(const LoadedBatch& a, const LoadedBatch& b) {
  EXPECT_EQ(a.films, b.films);
  EXPECT_EQ(a.plans, b.plans);
  EXPECT_EQ(a.shuffle, b.shuffle);
  EXPECT_EQ(a.masks.contexts, b.masks.contexts);
  EXPECT_EQ(a.masks.targets, b.masks.targets);
  for (std::size_t i = 0; i < a.views.size(); ++i)
    for (std::size_t view = 0; view < 2; ++view) {
      EXPECT_EQ(a.views[i].views[view].pixels, b.views[i].views[view].pixels);
      EXPECT_EQ(a.views[i].contexts[view].pixels, b.views[i].contexts[view].pixels);
    }
}

class LoaderTest : public testing::Test {
 protected:
  Loader loader(const LoaderSettings& settings, std::int64_t iteration = 0) {
    return Loader(archive_, all_films(archive_), settings, iteration);
  }
  const TemporaryFolder folder_;
  const Archive archive_ = drawn_archive(folder_ / "a", 26);
};

TEST_F(LoaderTest, AnyNumberOfWorkersGivesTheSameBatches) {
  LoaderSettings settings = small_settings();
  settings.workers = 0;
  Loader synchronous = loader(settings);
  settings.workers = 3;
  Loader ahead = loader(settings);
  for (int i = 0; i < 15; ++i) expect_equal(ahead.next(), synchronous.next());  // over two ends of a pass
}

TEST_F(LoaderTest, StartsAnywhere) {
  Loader whole = loader(small_settings());
  for (int i = 0; i < 8; ++i) whole.next();
  expect_equal(loader(small_settings(), 8).next(), whole.next());
}

TEST_F(LoaderTest, ProcessesShareTheBatchesOfOne) {
  LoaderSettings alone = small_settings();
  alone.accumulate = 2;
  Loader one = loader(alone);
  LoaderSettings pair = small_settings();
  pair.ranks = 2;
  Loader first = loader(pair);
  pair.rank = 1;
  Loader second = loader(pair);
  for (int update = 0; update < 7; ++update) {
    expect_equal(first.next(), one.next());
    expect_equal(second.next(), one.next());
  }
}

TEST_F(LoaderTest, APassShowsEveryFilmAtMostOnceAndPassesDiffer) {
  Loader films = loader(small_settings());
  std::vector<std::vector<std::int64_t>> passes;
  for (int pass = 0; pass < 3; ++pass) {
    std::vector<std::int64_t> seen;
    for (int i = 0; i < films.order().updates_per_pass(); ++i)
      for (const std::int64_t film : films.next().films) seen.push_back(film);
    EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), seen.size());
    EXPECT_EQ(seen.size(), 24u);
    passes.push_back(seen);
  }
  EXPECT_NE(passes[0], passes[1]);
  EXPECT_NE(passes[1], passes[2]);
}

TEST_F(LoaderTest, ASeedDecidesEverything) {
  LoaderSettings other = small_settings();
  other.seed = 6;
  const LoadedBatch a = loader(small_settings()).next(), b = loader(other).next();
  EXPECT_NE(a.films, b.films);
  EXPECT_NE(a.plans, b.plans);
}

TEST_F(LoaderTest, ReportsWhatCannotBe) {
  LoaderSettings settings = small_settings();
  settings.batch_size = 27;
  EXPECT_THROW(loader(settings), Failure);
  settings = small_settings();
  settings.masks.min_keep = 60;
  EXPECT_THROW(loader(settings), Failure);
}

}  // namespace
}  // namespace chexworld::test

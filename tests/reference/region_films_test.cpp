// SPDX-License-Identifier: Apache-2.0
//
// Searching by region on real radiographs with lung masks drawn by people: where does "the heart of this film" lead in
// other films? The encoder is freshly initialised unless CHEXWORLD_REGION_BUNDLE names a trained one, so what is held
// here is that of its input and positions; docs/search.md has the figures.
#include "image/png.h"
#include "image/prepare.h"
#include "retrieval/retrieval.h"
#include "support/temporary_folder.h"
#include "support/test_data.h"
#include "unit/infer/random_bundle.h"

#include <chexworld/bundle.h>
#include <chexworld/engine.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>

namespace chexworld::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilms = 60;
constexpr std::size_t kQueries = 20;

struct Point {
  double x = 0, y = 0;
};
Point middle(const ImageRegion& region) { return {(region.x0 + region.x1) / 2, (region.y0 + region.y1) / 2}; }
double distance(const Point& a, const Point& b) { return std::hypot(a.x - b.x, a.y - b.y); }

struct Film {
  std::string uid;
  fs::path picture;
  ImageRegion heart;  ///< where it should be by the mask, in the model's square
};

/// The bounding box of what the mask shows, as the model would see it.
ImageRegion box_of(const GrayImage& mask, const PreparationRecipe& recipe) {
  const GrayImage seen = fitted_view(mask, recipe);
  const double side = seen.width;
  ImageRegion box{1, 1, 0, 0};
  for (int y = 0; y < seen.height; ++y)
    for (int x = 0; x < seen.width; ++x) {
      if (seen.pixels[std::size_t(y) * std::size_t(seen.width) + std::size_t(x)] < 128) continue;
      box = {std::min(box.x0, x / side), std::min(box.y0, y / side), std::max(box.x1, (x + 1) / side),
             std::max(box.y1, (y + 1) / side)};
    }
  return box;
}

/// The heart lies between the lungs, below the middle of their box and more to the right of the picture.
ImageRegion heart_in(const ImageRegion& lungs) {
  const double width = lungs.x1 - lungs.x0, height = lungs.y1 - lungs.y0;
  return {lungs.x0 + 0.35 * width, lungs.y0 + 0.45 * height, lungs.x0 + 0.75 * width, lungs.y0 + 0.85 * height};
}

class RegionFilms : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!have_data()) return;
    find_films();
    folder_ = std::make_unique<TemporaryFolder>();
    store_ = open_store(*folder_ / "store.sqlite");
    fill();
    RetrievalOptions options;
    options.folder = *folder_ / "indexes";
    options.opening.most_rows = 1 << 12;
    retrieval_ = std::make_unique<Retrieval>(*store_, options);
    retrieval_->catch_up();
  }
  static void TearDownTestSuite() {
    retrieval_.reset();
    store_.reset();
    folder_.reset();
  }
  void SetUp() override {
    if (!have_data()) GTEST_SKIP() << "no radiographs here (CHEXWORLD_DATA_DIR)";
    ASSERT_GT(films_.size(), 2u) << "no films with masks";
  }

  static void find_films() {
    std::size_t masks = 0;
    for (const CsvRow& row : read_csv(data_dir() / "cxr" / "manifest.csv")) {
      const fs::path mask = data_dir() / "cxr" / "lung_masks" / (row.at("id") + ".png");
      if (!fs::exists(mask) || row.at("view") == "lateral") continue;
      ++masks;
      const ImageRegion lungs = box_of(read_picture(mask), {});
      if (films_.size() < kFilms && lungs.x1 - lungs.x0 > 0.4 && lungs.y1 - lungs.y0 > 0.4)
        films_.push_back(
            {"1.2.3." + std::to_string(films_.size() + 1), data_dir() / "cxr" / row.at("file"), heart_in(lungs)});
    }
    report_coverage("frontal films with masks", films_.size(), masks);
  }

  static void fill() {
    const char* trained = std::getenv("CHEXWORLD_REGION_BUNDLE");
    const fs::path bundle = trained != nullptr ? fs::path(trained) : *folder_ / "model.safetensors";
    if (trained == nullptr) RandomBundle(named_architecture(CHEXWORLD_FILMS_ARCHITECTURE), {}, 40).write(bundle);
    const Engine engine = Engine::load(bundle, {.precision = Precision::kF32}).value();
    const auto width = std::size_t(engine.facts().width);
    const auto side = std::uint32_t(std::lround(std::sqrt(double(engine.facts().patches))));
    store_->add_model({"model", "", std::uint32_t(width), {}});
    Batch batch;
    for (const Film& film : films_) {
      const EmbeddingBatch numbers = engine.run(prepare(read_picture(film.picture), {}), 1, true).value();
      Outcome outcome;
      outcome.model_id = outcome.result.model_id = "model";
      outcome.instance.sop_instance_uid = film.uid;
      outcome.result.embedding = numbers.embedding;
      outcome.result.patches = encode_patches(numbers.patches, side, side);
      batch.outcomes.push_back(std::move(outcome));
    }
    store_->commit(batch);
  }

  static SearchReply search(const Film& film, bool with_itself) {
    SearchRequest request;
    request.positive = {RegionExample{film.uid, film.heart}};
    request.include_examples = with_itself;
    request.k = films_.size();
    return retrieval_->search(request);
  }

  static const Film& film_of(const ResultHit& hit) {
    return *std::find_if(films_.begin(), films_.end(),
                         [&](const Film& film) { return film.uid == hit.result.instance.sop_instance_uid; });
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline std::vector<Film> films_;
  static inline std::unique_ptr<Store> store_;
  static inline std::unique_ptr<Retrieval> retrieval_;
};

TEST_F(RegionFilms, ARegionIsMostLikeItself) {
  for (std::size_t i = 0; i < std::min(kQueries, films_.size()); ++i) {
    const SearchReply reply = search(films_[i], true);
    ASSERT_EQ(reply.hits.size(), films_.size());
    EXPECT_EQ(reply.hits[0].result.instance.sop_instance_uid, films_[i].uid);
    EXPECT_NEAR(reply.hits[0].score, 1, 1e-4);
    // Whole patches: half of one at most is lost or added at each side.
    EXPECT_LT(distance(middle(*reply.hits[0].region), middle(films_[i].heart)), 0.05);
  }
}

TEST_F(RegionFilms, TheHeartLeadsToHearts) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> share;
  double found = 0, copied = 0, anywhere = 0;
  int count = 0;
  for (std::size_t i = 0; i < std::min(kQueries, films_.size()); ++i) {
    for (const ResultHit& hit : search(films_[i], false).hits) {
      const ImageRegion& region = *hit.region;
      const Point wanted = middle(film_of(hit).heart);
      const double width = region.x1 - region.x0, height = region.y1 - region.y0;
      found += distance(middle(region), wanted);
      copied += distance(middle(films_[i].heart), wanted);
      anywhere +=
          distance({width / 2 + share(random) * (1 - width), height / 2 + share(random) * (1 - height)}, wanted);
      ++count;
    }
  }
  ASSERT_GT(count, 0);
  std::printf(
      "distance of the match's middle to the heart's, shares of the picture's side, %d pairs: "
      "found %.3f, same place as in the query %.3f, any place %.3f\n",
      count, found / count, copied / count, anywhere / count);
  EXPECT_LT(found, 0.6 * anywhere) << "no better than chance";
}

}  // namespace
}  // namespace chexworld::test

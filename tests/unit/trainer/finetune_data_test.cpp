// SPDX-License-Identifier: Apache-2.0
//
// Plans, scores and batches of fine-tuning, without networks.
#include "base/failure.h"
#include "support/temporary_folder.h"
#include "trainer/finetune/film_batches.h"
#include "trainer/finetune/finetune_plan.h"
#include "trainer/finetune/finetune_report.h"
#include "trainer/finetune/finetune_results.h"
#include "unit/trainer/drawn_films.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <set>

namespace chexworld::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Sixty drawn films of thirty patients; every third film is labelled "b".
class FinetuneDataTest : public testing::Test {
 protected:
  FinetuneDataTest() : archive_(drawn_archive(folder_ / "archive", 60)), table_(archive_) {
    labels_ = read_labels(table_, table_.films(), class_columns_from("label=a,b"));
    folds_ = draw_folds(labels_, 3, 5);
  }

  TemporaryFolder folder_;
  Archive archive_;
  FilmTable table_;
  LabelledFilms labels_;
  Folds folds_;
};

TEST_F(FinetuneDataTest, CrossValidationTestsEveryFilmOncePerSeed) {
  FinetuneConfig config;
  config.seeds = 2;
  const std::vector<PlannedModel> models = cross_validation(labels_, folds_, {}, config);
  ASSERT_EQ(models.size(), 6u);
  EXPECT_EQ(models[1].name, "fold-1");
  EXPECT_EQ(models[4].name, "fold-1-seed-1");
  EXPECT_EQ(models[4].seed, 1u);
  std::multiset<std::size_t> tested;
  for (std::size_t i = 0; i < 3; ++i) {
    const Split& split = models[i].split;
    EXPECT_EQ(split.train.size() + split.validation.size() + split.test.size(), 60u);
    tested.insert(split.test.begin(), split.test.end());
  }
  EXPECT_EQ(tested.size(), 60u);
  EXPECT_EQ(std::set<std::size_t>(tested.begin(), tested.end()).size(), 60u);
  EXPECT_EQ(cross_validation(labels_, folds_, {"2"}, {}).size(), 1u);
  EXPECT_THROW(cross_validation(labels_, folds_, {"7"}, {}), Failure);
}

TEST_F(FinetuneDataTest, TheFinalModelTrainsOnTheFilmsOfAllFolds) {
  folds_.of[0] = -1;  // in no fold
  const PlannedModel last = final_model(labels_, folds_, {});
  EXPECT_TRUE(last.split.test.empty());
  EXPECT_EQ(last.split.train.size() + last.split.validation.size(), 59u);
  EXPECT_EQ(std::count(last.split.train.begin(), last.split.train.end(), 0u), 0);
}

TEST_F(FinetuneDataTest, AGivenSplitIsFollowed) {
  Folds parts{{"test", "train", "val"}, {}};
  for (std::size_t row = 0; row < 60; ++row) parts.of.push_back(row < 40 ? 1 : row < 50 ? 2 : 0);
  const std::vector<PlannedModel> models = given_split(labels_, parts, {});
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].split.train.size(), 40u);
  EXPECT_EQ(models[0].split.validation.front(), 40u);
  EXPECT_EQ(models[0].split.test.back(), 59u);
}

/// Logits that know the label, with a wrong scale: calibration must find that out.
FoldScores knowing_scores(const LabelledFilms& labels, const PlannedModel& planned, double scale) {
  FoldScores scores{
      planned.name, planned.fold, planned.seed, 3, 12.5, {planned.split.validation, {}}, {planned.split.test, {}}};
  StreamRandom random({11, 0, 0, RandomPurpose::kOther});
  for (RowScores* part : {&scores.validation, &scores.test})
    for (const std::size_t row : part->rows) {
      const double truth = labels.at(row, 0) == LabelValue::kPositive ? 1 : -1;
      part->logits.push_back(scale * (truth + 3 * (random.uniform() - 0.5)));
    }
  return scores;
}

TEST_F(FinetuneDataTest, ScoresComeBackToTheLastBit) {
  const PlannedModel planned = cross_validation(labels_, folds_, {"0"}, {})[0];
  const FoldScores scores = knowing_scores(labels_, planned, 1);
  write_scores(folder_ / "scores.json", scores, "films and settings");
  EXPECT_FALSE(read_scores(folder_ / "scores.json", "others"));
  EXPECT_FALSE(read_scores(folder_ / "absent.json", "others"));
  const auto read = read_scores(folder_ / "scores.json", "films and settings");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->test.logits, scores.test.logits);
  EXPECT_EQ(read->validation.rows, scores.validation.rows);
  EXPECT_EQ(read->best_epoch, 3);
  std::filesystem::resize_file(folder_ / "scores.json", 40);
  EXPECT_FALSE(read_scores(folder_ / "scores.json", "films and settings")) << "damaged: trained again";
}

TEST_F(FinetuneDataTest, ResultsComeFromFilmsThatNobodySaw) {
  FinetuneConfig config;
  config.bootstrap_samples = 50;
  std::vector<TestedModel> models;
  for (const PlannedModel& planned : cross_validation(labels_, folds_, {}, config))
    models.push_back(tested_model(labels_, film_columns(table_, labels_, {"fold", "absent"}),
                                  knowing_scores(labels_, planned, 30), config));
  EXPECT_LT(models[0].labels[0].slope, 0.5) << "logits were far too sure";
  const Evaluation pooled = pooled_evaluation(labels_, film_columns(table_, labels_, {"fold"}), models, config);
  EXPECT_EQ(pooled.films, 60u);
  EXPECT_EQ(pooled.subgroups.size(), 1u);
  const CalibrationError error = calibration_error(labels_, models);
  EXPECT_LT(error.after, error.before);
  const Spread auroc = spread_of(models, "auroc");
  EXPECT_GT(auroc.mean, 0.7);
  const Json json = results_json(labels_, models, pooled);
  EXPECT_EQ(json["models"].size(), 3u);
  EXPECT_NEAR(json["over_models"]["auroc"]["mean"].get<double>(), auroc.mean, 1e-12);

  const Json records = {{{"update", 1}, {"loss", 0.7}}, {{"update", 2}, {"loss", 0.5}}};
  const std::string page = finetune_report({{"head", "fc"}}, json, pooled, {{"fold-0", records}});
  EXPECT_THAT(page, AllOf(HasSubstr("<th>fold-2</th>"), HasSubstr("ROC (area)"), HasSubstr("Reliability"),
                          HasSubstr("Training loss by epoch"), HasSubstr("By fold")));
}

TEST_F(FinetuneDataTest, BatchesDependOnSeedAndNumberAlone) {
  FilmBatchSettings settings{3, 8, 0, {}};
  settings.views.size = 16;
  FilmBatches alone(archive_, labels_.films, settings);
  settings.workers = 2;
  FilmBatches ahead(archive_, labels_.films, settings);
  EXPECT_EQ(alone.per_epoch(), 7);
  std::set<std::size_t> seen;
  for (int i = 0; i < 7; ++i) {
    const AugmentedBatch a = alone.next(), b = ahead.next();
    EXPECT_EQ(a.rows, b.rows);
    for (std::size_t j = 0; j < a.pictures.size(); ++j) EXPECT_EQ(a.pictures[j].pixels, b.pictures[j].pixels);
    seen.insert(a.rows.begin(), a.rows.end());
  }
  EXPECT_EQ(seen.size(), 56u) << "no film twice in an epoch";
  EXPECT_NE(alone.next().pictures[0].pixels, alone.make(0).pictures[0].pixels);
  EXPECT_EQ(FilmBatches(archive_, {1, 2, 3}, settings).batch_size(), 3);
}

TEST(FinetuneConfigTest, RefusesWhatItDoesNotKnow) {
  const auto complaint = [](const Json& json) {
    FinetuneConfig config;
    const auto applied = capture([&] {
      apply_settings(config, json, "x.toml");
      check(config);
    });
    return applied.ok() ? std::string() : applied.error().message();
  };
  EXPECT_EQ(complaint({{"layer_decay", 0.65}, {"crop_scale", {0.5, 1.0}}, {"head", "attn"}}), "");
  EXPECT_THAT(complaint({{"learning_rate", 1}}), HasSubstr("learning_rate"));
  EXPECT_THAT(complaint({{"head", "linear"}}), HasSubstr("fc, norm_fc, attn or mlp"));
  EXPECT_THAT(complaint({{"crop_scale", 0.5}}), HasSubstr("list of 2"));
  EXPECT_THAT(complaint({{"epochs", 2}, {"warmup_epochs", 2}}), HasSubstr("fewer"));
  EXPECT_NE(complaint({{"threshold", "best"}}), "");
  EXPECT_EQ(finetune_settings().size(), to_json(FinetuneConfig()).size());
}

}  // namespace
}  // namespace chexworld::test

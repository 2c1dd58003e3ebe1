// SPDX-License-Identifier: Apache-2.0
//
// Probes of frozen features: against scikit-learn's numbers (sklearn_values.py), and on features made up so that the
// answer is known.
#include "trainer/probe/cross_validation.h"

#include "base/config.h"
#include "base/failure.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "support/temporary_folder.h"
#include "trainer/evaluation/fold_summary.h"
#include "trainer/evaluation/head_answers.h"
#include "trainer/probe/feature_cache.h"
#include "trainer/probe/save_head.h"
#include "unit/infer/random_bundle.h"
#include "views/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <set>

namespace chexworld::test {
namespace {

using testing::HasSubstr;
using V = LabelValue;

// ---- against scikit-learn ----

struct StoredCase {
  FeatureMatrix train, test;
  std::vector<int> labels;
  std::size_t classes = 0;
};

StoredCase stored_case(const Json& json) {
  StoredCase one;
  const auto width = json["width"].get<std::size_t>();
  const FeatureMatrix plain{width, json["features"].get<std::vector<double>>()};
  const Standardizer standard(plain);
  one.train = standard(plain);
  one.test = standard({width, json["test"].get<std::vector<double>>()});
  one.labels = json["labels"].get<std::vector<int>>();
  one.classes = std::size_t(*std::max_element(one.labels.begin(), one.labels.end())) + 1;
  return one;
}

/// What class_weight="balanced" is, or 1.
std::vector<double> weights_of(const StoredCase& one, bool balanced) {
  std::vector<double> weights;
  for (const int label : one.labels) {
    const double same = double(std::count(one.labels.begin(), one.labels.end(), label));
    weights.push_back(balanced ? double(one.labels.size()) / (double(one.classes) * same) : 1);
  }
  return weights;
}

TEST(LogisticRegressionTest, EqualsScikitLearn) {
  const Json values = read_config_file(CHEXWORLD_SKLEARN_VALUES);
  ASSERT_EQ(values["logistic"].size(), 3u);
  for (const Json& json : values["logistic"]) {
    SCOPED_TRACE(json["name"].get<std::string>());
    const StoredCase one = stored_case(json);
    const std::vector<double> weights = weights_of(one, json["balanced"].get<bool>());
    const LogisticOptions options{.c = json["c"].get<double>(), .tolerance = 1e-12};
    const std::vector<double> targets(one.labels.begin(), one.labels.end());
    const LinearClassifier found = one.classes == 2 ? fit_sigmoid(one.train, targets, weights, options)
                                                    : fit_softmax(one.train, one.labels, one.classes, weights, options);
    const auto expected = json["decision"].get<std::vector<double>>();
    const std::vector<double> logits = found.logits(one.test);
    ASSERT_EQ(logits.size(), expected.size());
    for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], 2e-6);
  }
}

TEST(NearestNeighboursTest, EqualScikitLearn) {
  const Json values = read_config_file(CHEXWORLD_SKLEARN_VALUES);
  for (const Json& json : values["logistic"]) {
    const StoredCase one = stored_case(json);
    const auto expected = json["neighbours"].get<std::vector<double>>();
    const std::vector<double> shares = nearest_neighbours(one.train, one.labels, one.classes, one.test, 5);
    ASSERT_EQ(shares.size(), expected.size());
    for (std::size_t i = 0; i < shares.size(); ++i) EXPECT_NEAR(shares[i], expected[i], 1e-12);
  }
}

// ---- heads ----

/// n films of n/2 patients; features are noise of which the first numbers tell the finding as far as `signal` goes.
struct Drawn {
  FeatureMatrix features;
  LabelledFilms labels;
};

Drawn drawn_films(std::size_t count, std::size_t findings, bool exclusive, double signal) {
  constexpr std::size_t kColumns = 12;
  StreamRandom random({31, 0, 0, RandomPurpose::kOther});
  Drawn all{{kColumns, {}}, {}};
  for (std::size_t k = 0; k < findings; ++k) all.labels.findings.push_back("f" + std::to_string(k));
  all.labels.exclusive = exclusive;
  std::vector<float> noise(count * kColumns);
  fill_normal(random, noise);
  all.features.values.assign(noise.begin(), noise.end());
  for (std::size_t row = 0; row < count; ++row) {
    all.labels.films.push_back(std::int64_t(row));
    all.labels.patients.push_back("p" + std::to_string(row / 2));
    const auto own = std::size_t(random.below(std::int64_t(findings)));
    for (std::size_t k = 0; k < findings; ++k) {
      const bool positive = exclusive ? k == own : random.uniform() < 0.4;
      all.labels.values.push_back(positive ? V::kPositive : V::kNegative);
      if (positive) all.features.values[row * kColumns + k] += signal;
    }
  }
  return all;
}

double auroc_of(const Drawn& all, const Folds& folds, const std::vector<double>& probabilities) {
  const ScoredFilms films{all.labels, probabilities, std::vector<double>(all.labels.findings.size(), 0.5), {}};
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < all.labels.size(); ++i) rows.push_back(i);
  return fold_number(summarise_folds(films, folds, rows, {.bootstrap_samples = 20}), "auroc").mean.value;
}

TEST(CrossValidationTest, FindsWhatIsThereAndNothingInNoise) {
  for (const bool exclusive : {false, true}) {
    const std::size_t findings = exclusive ? 3 : 2;
    const Drawn told = drawn_films(400, findings, exclusive, 2), noise = drawn_films(400, findings, exclusive, 0);
    const Folds folds = draw_folds(told.labels, 4, 1), noise_folds = draw_folds(noise.labels, 4, 1);
    const CrossValidation found = cross_validate(told.features, told.labels, folds, {});
    const CrossValidation nothing = cross_validate(noise.features, noise.labels, noise_folds, {});
    EXPECT_GT(auroc_of(told, folds, found.raw), 0.88);
    EXPECT_GT(auroc_of(told, folds, found.neighbours), 0.75);
    EXPECT_NEAR(auroc_of(noise, noise_folds, nothing.raw), 0.5, 0.1);
    EXPECT_NEAR(auroc_of(noise, noise_folds, nothing.neighbours), 0.5, 0.1);
    ASSERT_EQ(found.heads.size(), 4u);
    EXPECT_EQ(found.heads[0].calibrations.size(), findings);
  }
}

/// A head that is held back by its penalty and tilted by balanced classes says too little; calibration repairs it.
TEST(CrossValidationTest, CalibrationOnInnerFoldsRepairsProbabilities) {
  Drawn all = drawn_films(1000, 1, false, 2);
  for (std::size_t row = 0; row < all.labels.size(); ++row)  // one film in eight is positive
    if (row % 3 != 0 && all.labels.at(row, 0) == V::kPositive) {
      all.labels.values[row] = V::kNegative;
      all.features.values[row * all.features.columns] -= 2;
    }
  const Folds folds = draw_folds(all.labels, 5, 1);
  const CrossValidation found = cross_validate(all.features, all.labels, folds, {});
  const auto error = [&](const std::vector<double>& probabilities) {
    const ScoredFilms films{all.labels, probabilities, {0.5}, {}};
    return estimate_of(evaluate(films, {.bootstrap_samples = 10}).means, "calibration_error").value;
  };
  EXPECT_LT(error(found.calibrated), error(found.raw) / 2);
}

TEST(CrossValidationTest, ChoosesCWithoutLookingAtTheTestFold) {
  Drawn all = drawn_films(300, 1, false, 1.5);
  const Folds folds = draw_folds(all.labels, 3, 1);
  const ProbeOptions options{.c = {1e-5, 1e-2, 1}};
  const CrossValidation before = cross_validate(all.features, all.labels, folds, options);
  EXPECT_GT(before.heads[0].c, 1e-5);
  for (const std::size_t row : folds.inside(0))  // labels of the test fold turned round
    all.labels.values[row] = all.labels.values[row] == V::kPositive ? V::kNegative : V::kPositive;
  const CrossValidation after = cross_validate(all.features, all.labels, folds, options);
  EXPECT_EQ(after.heads[0].c, before.heads[0].c);
  EXPECT_EQ(after.heads[0].thresholds, before.heads[0].thresholds);
  for (const std::size_t row : folds.inside(0)) EXPECT_EQ(after.calibrated[row], before.calibrated[row]);
  EXPECT_NE(after.heads[1].head.classifier.weights, before.heads[1].head.classifier.weights);
}

TEST(CrossValidationTest, MissingLabelsAreNotLookedAt) {
  Drawn all = drawn_films(200, 2, false, 1.5);
  const Folds folds = draw_folds(all.labels, 4, 1);
  for (std::size_t row = 0; row < 200; row += 5) all.labels.values[2 * row] = V::kMissing;
  const std::vector<std::size_t> train = folds.outside(0);
  const ProbeHead found = fit_probe(all.features, all.labels, train, train, 0.01, {});
  std::vector<std::size_t> known;
  for (const std::size_t row : train)
    if (row % 5 != 0) known.push_back(row);
  const ProbeHead without = fit_probe(all.features, all.labels, known, train, 0.01, {});
  for (std::size_t j = 0; j < all.features.columns; ++j)
    EXPECT_NEAR(found.classifier.weights[j], without.classifier.weights[j], 1e-7);
}

TEST(CrossValidationTest, FewShotsLearnMoreFromMore) {
  const Drawn all = drawn_films(400, 3, true, 2.5);
  const Folds folds = draw_folds(all.labels, 4, 1);
  const std::vector<double> one = few_shot_aurocs(all.features, all.labels, folds, 1, 5, {});
  const std::vector<double> ten = few_shot_aurocs(all.features, all.labels, folds, 10, 5, {});
  EXPECT_EQ(one.size(), 20u);
  EXPECT_GT(mean_of(one), 0.55);
  EXPECT_GT(mean_of(ten), mean_of(one) + 0.05);
  EXPECT_GT(deviation_of(one), 0);
}

TEST(CrossValidationTest, UnusableFoldsAreRefused) {
  const Drawn all = drawn_films(20, 1, false, 1);
  EXPECT_THROW(cross_validate(all.features, all.labels, {{"0", "1"}, std::vector<int>(20, 0)}, {}), Failure);
}

TEST(FoldSummaryTest, MeansAndDeviationsAreOverFolds) {
  const Drawn all = drawn_films(200, 1, false, 1);
  const Folds folds = draw_folds(all.labels, 4, 1);
  const CrossValidation found = cross_validate(all.features, all.labels, folds, {});
  const ScoredFilms films{all.labels, found.raw, {0.5}, {}};
  std::vector<std::size_t> rows, some;
  for (std::size_t i = 0; i < 200; ++i) {
    rows.push_back(i);
    if (folds.of[i] != 3) some.push_back(i);
  }
  const FoldNumber area = fold_number(summarise_folds(films, folds, rows, {.bootstrap_samples = 200}), "auroc");
  std::vector<double> values;
  for (const Estimate& fold : area.folds) values.push_back(fold.value);
  EXPECT_DOUBLE_EQ(area.mean.value, mean_of(values));
  EXPECT_DOUBLE_EQ(area.deviation, deviation_of(values));
  EXPECT_LT(area.mean.high - area.mean.low, area.folds[0].high - area.folds[0].low);
  const FoldNumber part = fold_number(summarise_folds(films, folds, some, {.bootstrap_samples = 20}), "auroc");
  EXPECT_TRUE(std::isnan(part.folds[3].value));
  EXPECT_DOUBLE_EQ(part.mean.value, (values[0] + values[1] + values[2]) / 3);
}

// ---- heads in bundles ----

TEST(SaveHeadTest, ABundleSaysWhatTheProbeSays) {
  const TemporaryFolder folder;
  RandomBundle source(small_shape(), {}, 1);
  source.write(folder / "in.safetensors");
  StreamRandom random({8, 0, 0, RandomPurpose::kOther});
  Drawn all = drawn_films(60, 2, false, 2);
  const auto width = std::size_t(small_shape().width);
  std::vector<float> noise(60 * width);
  fill_normal(random, noise);
  all.features = FeatureMatrix::of(noise, width);
  const Folds folds = draw_folds(all.labels, 3, 1);
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < 60; ++i) rows.push_back(i);
  const CalibratedHead head = fit_calibrated(all.features, all.labels, folds, rows, {});
  const std::string id = save_probe_head(folder / "in.safetensors", folder / "out.safetensors", all.labels, head,
                                         {{"by", "test"}}, {{"films", "some"}});

  const Bundle bundle = Bundle::open(folder / "out.safetensors");
  EXPECT_EQ(bundle.model_id(), id);
  ASSERT_TRUE(bundle.config().head.has_value());
  EXPECT_EQ(bundle.config().training["head"]["by"], "test");
  EXPECT_EQ(bundle.config().evaluation["films"], "some");
  const TensorView weight = bundle.head().at("head.weight"), bias = bundle.head().at("head.bias");
  const auto float_at = [](const TensorView& view, std::size_t i) {
    float value;
    std::memcpy(&value, view.bytes.data() + 4 * i, 4);
    return double(value);
  };
  std::vector<float> logits;
  for (std::size_t row = 0; row < 60; ++row)
    for (std::size_t k = 0; k < 2; ++k) {
      double logit = float_at(bias, k);
      for (std::size_t j = 0; j < width; ++j) logit += float_at(weight, k * width + j) * all.features.row(row)[j];
      logits.push_back(float(logit));
    }
  const ScoredFilms answers = head_answers(*bundle.config().head, logits, all.labels);
  const std::vector<double> expected = probabilities_of(head.head.logits(all.features), head.calibrations, false);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(answers.probabilities[i], expected[i], 1e-5);
  EXPECT_EQ(answers.thresholds, head.thresholds);
}

TEST(SaveHeadTest, OnlyMeanFeaturesOfAFinalNormFit) {
  const TemporaryFolder folder;
  RandomBundle(small_shape(), {}, 1).write(folder / "in.safetensors");
  RandomBundle other(small_shape(), {}, 1);
  other.add_head({.kind = BundleHead::Kind::kNormLinear, .labels = {{"x"}}}, 0.1F, 2);
  other.write(folder / "norm.safetensors");
  const Drawn all = drawn_films(30, 1, false, 1);
  const Folds folds = draw_folds(all.labels, 3, 1);
  const CalibratedHead head = fit_calibrated(all.features, all.labels, folds, folds.outside(-1), {});
  EXPECT_THROW(save_probe_head(folder / "in.safetensors", folder / "out", all.labels, head, {}, {}), Failure);
  EXPECT_THROW(require_room_for_head(folder / "norm.safetensors"), Failure);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST(HeadAnswersTest, NamesAreMatchedAndOthersRefused) {
  const BundleHead head{.labels = {{"a", 0.3}, {"b", 0.4, 2, 1}, {"c", 0.5}}};
  LabelledFilms labels{.findings = {"b"}, .films = {0}, .patients = {"p"}, .values = {V::kPositive}};
  const ScoredFilms answers = head_answers(head, std::vector<float>{0, 1, 2}, labels);
  EXPECT_NEAR(answers.probabilities.at(0), 1 / (1 + std::exp(-3.0)), 1e-12);
  EXPECT_EQ(answers.thresholds.at(0), 0.4);
  labels.findings = {"d"};
  EXPECT_THROW(head_answers(head, std::vector<float>{0, 1, 2}, labels), Failure);
  BundleHead classes = head;
  classes.exclusive = true;
  labels.findings = {"b"};
  EXPECT_THROW(head_answers(classes, std::vector<float>{0, 1, 2}, labels), Failure);
  EXPECT_EQ(columns_for(classes, {.classes = "label"}).class_names, (std::vector<std::string>{"a", "b", "c"}));
}

// ---- cache ----

ArchiveDigest digest_of(int number) {
  ArchiveDigest digest{};
  digest[0] = std::byte(number);
  return digest;
}

TEST(FeatureCacheTest, KeepsFeaturesByFilmModelAndChoice) {
  const TemporaryFolder folder;
  const std::string model(64, 'a');
  const std::vector<float> one{1, 2, 3}, two{4, 5, 6};
  {
    FeatureCache cache(folder.path(), model, "grid:2", 3);
    EXPECT_TRUE(cache.find(digest_of(1)).empty());
    cache.add(digest_of(2), two);
    cache.add(digest_of(1), one);
    cache.save();
  }
  const FeatureCache again(folder.path(), model, "grid:2", 3);
  EXPECT_EQ(std::vector<float>(again.find(digest_of(1)).begin(), again.find(digest_of(1)).end()), one);
  EXPECT_EQ(again.find(digest_of(2))[0], 4);
  EXPECT_TRUE(again.find(digest_of(3)).empty());
  EXPECT_TRUE(FeatureCache(folder.path(), model, "mean", 3).find(digest_of(1)).empty());
  EXPECT_TRUE(FeatureCache(folder.path(), std::string(64, 'b'), "grid:2", 3).find(digest_of(1)).empty());
}

TEST(FeatureCacheTest, AFileThatDoesNotFitIsAnError) {
  const TemporaryFolder folder;
  const std::string model(64, 'a');
  FeatureCache cache(folder.path(), model, "mean", 3);
  cache.add(digest_of(1), std::vector<float>{1, 2, 3});
  cache.save();
  EXPECT_THROW(FeatureCache(folder.path(), model, "mean", 4), Failure);
  EXPECT_THROW(FeatureCache(folder.path(), std::string(16, 'a') + std::string(48, 'c'), "mean", 3), Failure);
  write_file_atomically(cache.path(), "nothing");
  EXPECT_THROW(FeatureCache(folder.path(), model, "mean", 3), Failure);
}

TEST(FeatureCacheTest, WithoutAFolderNothingIsKept) {
  FeatureCache cache({}, "", "mean", 1);
  cache.add(digest_of(1), std::vector<float>{1});
  EXPECT_TRUE(cache.find(digest_of(1)).empty());
  cache.save();
}

}  // namespace
}  // namespace chexworld::test

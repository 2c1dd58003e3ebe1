// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/evaluation.h"

#include "base/failure.h"
#include "trainer/evaluation/probability.h"
#include "views/random.h"

#include <cmath>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using V = LabelValue;

/// Films whose labels follow their probabilities; two films to a patient, two sexes, ages from 0 to 99.
ScoredFilms drawn_scores(std::size_t count, std::size_t findings) {
  StreamRandom random({21, 0, 0, RandomPurpose::kOther});
  ScoredFilms films;
  films.columns = {{"sex", {}}, {"age", {}}};
  for (std::size_t k = 0; k < findings; ++k) films.labels.findings.push_back("finding " + std::to_string(k));
  films.thresholds.assign(findings, 0.5);
  for (std::size_t row = 0; row < count; ++row) {
    films.labels.films.push_back(std::int64_t(row));
    films.labels.patients.push_back(std::to_string(row / 2));
    films.columns[0].values.push_back(row % 3 == 0 ? "F" : row % 50 == 1 ? "" : "M");
    films.columns[1].values.push_back(std::to_string(row % 100));
    for (std::size_t k = 0; k < findings; ++k) {
      films.probabilities.push_back(random.uniform());
      films.labels.values.push_back(random.uniform() < films.probabilities.back() ? V::kPositive : V::kNegative);
    }
  }
  return films;
}

double value_of(const std::vector<NamedEstimate>& numbers, const char* name) {
  return estimate_of(numbers, name).value;
}

TEST(EvaluationTest, GivesEveryNumberWithItsInterval) {
  const ScoredFilms films = drawn_scores(400, 2);
  const Evaluation found = evaluate(films, {.bootstrap_samples = 100});
  EXPECT_EQ(found.films, 400u);
  EXPECT_EQ(found.patients, 200u);
  ASSERT_EQ(found.findings.size(), 2u);
  for (const FindingEvaluation& finding : found.findings) {
    EXPECT_EQ(finding.counts.positive + finding.counts.negative, 400u);
    for (const NamedEstimate& number : finding.numbers) {
      EXPECT_LE(number.estimate.low, number.estimate.value + (number.name == "calibration_error" ? 1 : 0))
          << number.name;
      EXPECT_GE(number.estimate.high, number.estimate.value) << number.name;
      EXPECT_LT(number.estimate.high - number.estimate.low, 0.3) << number.name;
    }
    EXPECT_NEAR(value_of(finding.numbers, "auroc"), 5.0 / 6, 0.06);  // of labels drawn from uniform probabilities
    EXPECT_LT(value_of(finding.numbers, "calibration_error"), 0.09);
  }
  EXPECT_NEAR(value_of(found.means, "auroc"),
              (value_of(found.findings[0].numbers, "auroc") + value_of(found.findings[1].numbers, "auroc")) / 2, 1e-12);
  EXPECT_TRUE(found.classes.empty());
}

TEST(EvaluationTest, TheSameSeedGivesTheSameIntervals) {
  const ScoredFilms films = drawn_scores(100, 1);
  const Json a = to_json(evaluate(films, {.bootstrap_samples = 50, .seed = 1}));
  EXPECT_EQ(a, to_json(evaluate(films, {.bootstrap_samples = 50, .seed = 1})));
  EXPECT_NE(a, to_json(evaluate(films, {.bootstrap_samples = 50, .seed = 2})));
}

/// What nobody knows may not count: neither missing nor uncertain labels.
TEST(EvaluationTest, OnlyKnownLabelsCount) {
  ScoredFilms films = drawn_scores(100, 1);
  ScoredFilms known = films;
  for (const V value : {V::kUncertain, V::kMissing}) {
    films.labels.films.push_back(0);
    films.labels.patients.push_back("0");
    films.labels.values.push_back(value);
    films.probabilities.push_back(0.99);
    for (ScoredFilms::Column& column : films.columns) column.values.emplace_back();
  }
  const FindingEvaluation with = evaluate(films, {.bootstrap_samples = 10}).findings[0];
  const FindingEvaluation without = evaluate(known, {.bootstrap_samples = 10}).findings[0];
  EXPECT_EQ(with.counts.uncertain, 1u);
  EXPECT_EQ(with.counts.missing, 1u);
  for (const char* name : {"auroc", "average_precision", "brier", "f1"})
    EXPECT_EQ(value_of(with.numbers, name), value_of(without.numbers, name)) << name;
}

TEST(EvaluationTest, AFindingOfOneLabelHasNoAurocAndIsNotInTheMean) {
  ScoredFilms films = drawn_scores(60, 2);
  for (std::size_t row = 0; row < 60; ++row) films.labels.values[2 * row + 1] = V::kNegative;
  const Evaluation found = evaluate(films, {.bootstrap_samples = 20});
  EXPECT_TRUE(std::isnan(value_of(found.findings[1].numbers, "auroc")));
  EXPECT_EQ(value_of(found.means, "auroc"), value_of(found.findings[0].numbers, "auroc"));
  EXPECT_TRUE(to_json(found)["findings"][1]["numbers"]["auroc"]["value"].is_null());
  EXPECT_EQ(text_of(estimate_of(found.findings[1].numbers, "auroc")), "-");
}

TEST(EvaluationTest, ClassesHaveAccuracyAndConfusion) {
  ScoredFilms films;
  films.labels.findings = {"a", "b", "c"};
  films.labels.exclusive = true;
  films.thresholds = {0.5, 0.5, 0.5};
  const std::vector<int> truth{0, 0, 1, 1, 2, 2}, said{0, 1, 1, 1, 2, 2};
  for (std::size_t row = 0; row < 6; ++row) {
    films.labels.films.push_back(std::int64_t(row));
    films.labels.patients.push_back(std::to_string(row));
    for (int k = 0; k < 3; ++k) {
      films.labels.values.push_back(truth[row] == k ? V::kPositive : V::kNegative);
      films.probabilities.push_back(said[row] == k ? 0.8 : 0.1);
    }
  }
  const Evaluation found = evaluate(films, {.bootstrap_samples = 20});
  EXPECT_DOUBLE_EQ(value_of(found.classes, "accuracy"), 5.0 / 6);
  EXPECT_DOUBLE_EQ(value_of(found.classes, "balanced_accuracy"), 5.0 / 6);
  EXPECT_NEAR(value_of(found.classes, "calibration_error"), 5.0 / 6 - 0.8, 1e-12);
  EXPECT_THAT(found.confusion, ElementsAre(1, 1, 0, 0, 2, 0, 0, 0, 2));
}

TEST(EvaluationTest, SubgroupsAreComparedAndSmallOnesPutTogether) {
  ScoredFilms films = drawn_scores(600, 1);
  for (std::size_t row = 0; row < 600; ++row)
    if (films.columns[0].values[row] == "F") films.probabilities[row] = double(row * 7 % 600) / 600;  // knows nothing
  const Evaluation found = evaluate(films, {.bootstrap_samples = 100, .least_films = 20});
  ASSERT_EQ(found.subgroups.size(), 2u);
  const SubgroupTable& sexes = found.subgroups[0];
  ASSERT_EQ(sexes.groups.size(), 3u);
  EXPECT_EQ(sexes.groups[0].value, "M");
  EXPECT_EQ(sexes.groups[1].value, "F");
  EXPECT_EQ(sexes.groups[1].films, 200u);
  EXPECT_EQ(sexes.groups[2].value, "others");  // eight films whose sex is not known
  EXPECT_NEAR(value_of(sexes.groups[1].numbers, "auroc"), 0.5, 0.1);
  const double gap = value_of(sexes.groups[0].numbers, "auroc") - value_of(sexes.groups[1].numbers, "auroc");
  EXPECT_NEAR(value_of(sexes.gaps, "auroc"), gap, 1e-12);
  EXPECT_GT(estimate_of(sexes.gaps, "auroc").low, 0.1);
  const SubgroupTable& ages = found.subgroups[1];
  ASSERT_EQ(ages.groups.size(), 5u);
  EXPECT_EQ(ages.groups[0].value, "0-17");
  EXPECT_EQ(ages.groups[4].value, "80+");
}

TEST(EvaluationTest, AgesHaveBands) {
  EXPECT_EQ(age_band("17.9"), "0-17");
  EXPECT_EQ(age_band("18"), "18-39");
  EXPECT_EQ(age_band("60"), "60-79");
  EXPECT_EQ(age_band("90"), "80+");
  EXPECT_EQ(age_band("old"), "old");
}

TEST(EvaluationTest, WhatDoesNotFitIsRefused) {
  ScoredFilms films = drawn_scores(10, 2);
  films.probabilities.pop_back();
  EXPECT_THROW(evaluate(films), Failure);
  films = drawn_scores(10, 2);
  films.columns[0].values.pop_back();
  EXPECT_THROW(evaluate(films), Failure);
  EXPECT_THROW(evaluate(ScoredFilms()), Failure);
}

}  // namespace
}  // namespace chexworld::test

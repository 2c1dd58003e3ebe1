// SPDX-License-Identifier: Apache-2.0
//
// Metrics against scikit-learn's numbers on the same scores (sklearn_values.py), and against small cases by hand.
#include "trainer/evaluation/metrics.h"

#include "base/config.h"
#include "base/failure.h"
#include "trainer/evaluation/bootstrap.h"
#include "views/random.h"

#include <cmath>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

constexpr double kEqual = 1e-9;

Json stored_values() { return read_config_file(CHEXWORLD_SKLEARN_VALUES); }

TEST(Metrics, EqualScikitLearnOnOneFinding) {
  const Json values = stored_values();
  ASSERT_EQ(values["binary"].size(), 3u);
  for (const Json& one : values["binary"]) {
    SCOPED_TRACE(one["name"].get<std::string>());
    const auto scores = one["scores"].get<std::vector<double>>();
    const auto labels = one["labels"].get<std::vector<int>>();
    const auto stored = [&](const char* name) { return one[name].get<double>(); };
    const RankedScores ranked(scores, labels);
    const Confusion sides = confusion_at(scores, labels, stored("threshold"));
    EXPECT_NEAR(ranked.auroc(), stored("auroc"), kEqual);
    EXPECT_NEAR(auroc(scores, labels), stored("auroc"), kEqual);
    EXPECT_NEAR(ranked.average_precision(), stored("average_precision"), kEqual);
    EXPECT_NEAR(sides.accuracy(), stored("accuracy"), kEqual);
    EXPECT_NEAR(sides.balanced_accuracy(), stored("balanced_accuracy"), kEqual);
    EXPECT_NEAR(sides.sensitivity(), stored("sensitivity"), kEqual);
    EXPECT_NEAR(sides.specificity(), stored("specificity"), kEqual);
    EXPECT_NEAR(sides.precision(), stored("precision"), kEqual);
    EXPECT_NEAR(sides.f1(), stored("f1"), kEqual);
    EXPECT_NEAR(brier_score(scores, labels), stored("brier"), kEqual);
    EXPECT_NEAR(expected_calibration_error(reliability(scores, labels, values["bins"].get<int>())),
                stored("calibration_error"), kEqual);
  }
}

TEST(Metrics, EqualScikitLearnOnClasses) {
  const Json values = stored_values();
  for (const Json& one : values["classes"]) {
    const auto probabilities = one["probabilities"].get<std::vector<double>>();
    const auto truth = one["labels"].get<std::vector<int>>();
    const auto classes = one["classes"].get<std::size_t>();
    std::vector<double> areas, precisions, confidence;
    std::vector<int> right;
    const std::vector<int> predicted = predicted_classes(probabilities, classes);
    for (std::size_t k = 0; k < classes; ++k) {
      std::vector<double> scores;
      std::vector<int> labels;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        scores.push_back(probabilities[i * classes + k]);
        labels.push_back(truth[i] == int(k));
      }
      areas.push_back(RankedScores(scores, labels).auroc());
      precisions.push_back(RankedScores(scores, labels).average_precision());
    }
    for (std::size_t i = 0; i < truth.size(); ++i) {
      confidence.push_back(probabilities[i * classes + std::size_t(predicted[i])]);
      right.push_back(predicted[i] == truth[i]);
    }
    EXPECT_NEAR(mean_of(areas), one["auroc"].get<double>(), kEqual);
    EXPECT_NEAR(mean_of(precisions), one["average_precision"].get<double>(), kEqual);
    EXPECT_NEAR(accuracy(predicted, truth), one["accuracy"].get<double>(), kEqual);
    EXPECT_NEAR(balanced_accuracy(predicted, truth, classes), one["balanced_accuracy"].get<double>(), kEqual);
    EXPECT_EQ(confusion_matrix(predicted, truth, classes), one["confusion"].get<std::vector<double>>());
    EXPECT_NEAR(expected_calibration_error(reliability(confidence, right, values["bins"].get<int>())),
                one["calibration_error"].get<double>(), kEqual);
  }
}

TEST(Metrics, AurocCountsTiesHalf) {
  const auto area = [](const std::vector<double>& scores, const std::vector<int>& labels) {
    return auroc(scores, labels);
  };
  EXPECT_DOUBLE_EQ(area({0.1, 0.4, 0.35, 0.8}, {0, 0, 1, 1}), 0.75);
  EXPECT_DOUBLE_EQ(area({1, 1, 1, 1}, {0, 1, 0, 1}), 0.5);
  EXPECT_DOUBLE_EQ(area({1, 2, 2, 3}, {0, 0, 1, 1}), 0.875);
  EXPECT_THROW(area({1, 2}, {1, 1}), Failure);
  EXPECT_THROW(area({1, 2, 3}, {1, 0}), Failure);
}

TEST(Metrics, WhatDoesNotExistIsNotANumber) {
  const std::vector<double> scores{0.2, 0.7};
  const std::vector<int> none{0, 0}, all{1, 1};
  EXPECT_TRUE(std::isnan(RankedScores(scores, none).auroc()));
  EXPECT_TRUE(std::isnan(RankedScores(scores, none).average_precision()));
  EXPECT_TRUE(std::isnan(confusion_at(scores, none, 0.5).sensitivity()));
  EXPECT_TRUE(std::isnan(confusion_at(scores, all, 0.5).specificity()));
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
}

/// A film that counts twice is a film that is there twice.
TEST(Metrics, WeightsAreRepetitions) {
  StreamRandom random({1, 0, 0, RandomPurpose::kOther});
  std::vector<double> scores, weights, repeated_scores;
  std::vector<int> labels, repeated_labels;
  for (int i = 0; i < 40; ++i) {
    scores.push_back(std::round(random.uniform() * 10) / 10);
    labels.push_back(random.uniform() < 0.5);
    weights.push_back(double(random.below(4)));
    for (int copy = 0; copy < int(weights.back()); ++copy) {
      repeated_scores.push_back(scores.back());
      repeated_labels.push_back(labels.back());
    }
  }
  const RankedScores ranked(scores, labels), repeated(repeated_scores, repeated_labels);
  EXPECT_NEAR(ranked.auroc(weights), repeated.auroc(), 1e-12);
  EXPECT_NEAR(ranked.average_precision(weights), repeated.average_precision(), 1e-12);
  EXPECT_NEAR(brier_score(scores, labels, weights), brier_score(repeated_scores, repeated_labels), 1e-12);
  EXPECT_NEAR(expected_calibration_error(reliability(scores, labels, 10, weights)),
              expected_calibration_error(reliability(repeated_scores, repeated_labels, 10)), 1e-12);
  EXPECT_NEAR(confusion_at(scores, labels, 0.5, weights).f1(), confusion_at(repeated_scores, repeated_labels, 0.5).f1(),
              1e-12);
}

TEST(Metrics, DiceOfMasks) {
  const std::vector<unsigned char> a{1, 1, 0, 0}, b{0, 255, 1, 0}, empty(4, 0);
  EXPECT_DOUBLE_EQ(dice(a, b), 0.5);
  EXPECT_DOUBLE_EQ(dice(a, a), 1);
  EXPECT_DOUBLE_EQ(dice(a, empty), 0);
  EXPECT_DOUBLE_EQ(dice(empty, empty), 1);
  EXPECT_THROW(dice(a, std::vector<unsigned char>(3)), Failure);
}

TEST(Metrics, QuantilesLieBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.1), 1.3);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.975), 7);
}

// ---- bootstrap ----

TEST(BootstrapTest, DrawsWholePatientsAndRepeatsItself) {
  const std::vector<std::string> patients{"a", "b", "a", "c", "b", "d"};
  const Bootstrap bootstrap(patients, 20, 7);
  EXPECT_EQ(bootstrap.patients(), 4u);
  bool some_differ = false;
  for (int sample = 0; sample < 20; ++sample) {
    const std::vector<double> weights = bootstrap.weights(sample);
    EXPECT_EQ(weights[0], weights[2]);
    EXPECT_EQ(weights[1], weights[4]);
    EXPECT_EQ(weights[0] + weights[1] + weights[3] + weights[5], 4);
    EXPECT_EQ(weights, Bootstrap(patients, 20, 7).weights(sample));
    some_differ = some_differ || weights != Bootstrap(patients, 20, 8).weights(sample);
  }
  EXPECT_TRUE(some_differ);
}

/// The interval of a mean is known: mean +- 1.96 standard errors.
TEST(BootstrapTest, IntervalOfAMeanIsTheKnownOne) {
  StreamRandom random({5, 0, 0, RandomPurpose::kOther});
  std::vector<double> values(400);
  std::vector<float> normal(400);
  fill_normal(random, normal);
  std::copy(normal.begin(), normal.end(), values.begin());
  std::vector<std::string> patients;
  for (int i = 0; i < 400; ++i) patients.push_back(std::to_string(i));
  const Estimate found = mean_estimate(Bootstrap(patients, 2000, 1), values);
  const double error = 1.96 * deviation_of(values) / 20;
  EXPECT_DOUBLE_EQ(found.value, mean_of(values));
  EXPECT_NEAR(found.low, found.value - error, 0.1 * error);
  EXPECT_NEAR(found.high, found.value + error, 0.1 * error);
}

/// Films of one patient say the same thing twice, so doubling them must not make the interval narrower.
TEST(BootstrapTest, RepeatedFilmsOfAPatientAddNoCertainty) {
  StreamRandom random({6, 0, 0, RandomPurpose::kOther});
  std::vector<double> once, twice;
  std::vector<std::string> patients, patients_twice;
  for (int i = 0; i < 200; ++i) {
    once.push_back(random.uniform());
    patients.push_back(std::to_string(i));
    for (int copy = 0; copy < 2; ++copy) twice.push_back(once.back()), patients_twice.push_back(patients.back());
  }
  const Estimate a = mean_estimate(Bootstrap(patients, 1000, 3), once);
  const Estimate b = mean_estimate(Bootstrap(patients_twice, 1000, 3), twice);
  EXPECT_NEAR(a.high - a.low, b.high - b.low, 1e-12);
}

TEST(BootstrapTest, AnswersNothingWhereTooFewSamplesHaveAnAnswer) {
  const std::vector<double> scores{0.1, 0.9, 0.2, 0.3};
  const std::vector<int> labels{0, 1, 0, 0};
  const RankedScores ranked(scores, labels);
  int calls = 0;
  const auto seldom = estimates(Bootstrap({"a", "b", "c", "d"}, 100, 1),
                                [&](Numbers) { return std::vector{++calls % 4 == 1 ? 1.0 : NAN}; });
  EXPECT_EQ(seldom[0].value, 1);
  EXPECT_TRUE(std::isnan(seldom[0].low));
  const auto found = estimates(Bootstrap({"a", "b", "c", "d"}, 100, 1),
                               [&](Numbers weights) { return std::vector{ranked.auroc(weights)}; });
  EXPECT_DOUBLE_EQ(found[0].value, 1);
  EXPECT_DOUBLE_EQ(found[0].low, 1);
}

}  // namespace
}  // namespace chexworld::test

// SPDX-License-Identifier: Apache-2.0
#include "trainer/evaluation/calibration.h"

#include "base/failure.h"
#include "trainer/evaluation/minimise.h"
#include "trainer/evaluation/probability.h"
#include "views/random.h"

#include <cmath>
#include <gtest/gtest.h>

namespace chexworld::test {
namespace {

struct Drawn {
  std::vector<double> logits;
  std::vector<int> labels;
};

/// Labels that are positive with the probability sigmoid(true_slope * logit + true_intercept).
Drawn drawn(int count, double true_slope, double true_intercept) {
  StreamRandom random({11, 0, 0, RandomPurpose::kOther});
  Drawn all;
  for (int i = 0; i < count; ++i) {
    all.logits.push_back(8 * random.uniform() - 4);
    all.labels.push_back(random.uniform() < sigmoid(true_slope * all.logits.back() + true_intercept));
  }
  return all;
}

double ece(const Drawn& all, const Calibration& calibration) {
  return expected_calibration_error(reliability(probabilities_of(all.logits, {calibration}, false), all.labels, 10));
}

TEST(MinimiseTest, FindsTheMinimumOfAStretchedBowl) {
  const Minimum found = minimise(
      [](std::span<const double> x, std::span<double> gradient) {
        double value = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double stretch = std::pow(10.0, double(i) / 3), distance = x[i] - double(i);
          value += stretch * distance * distance / 2;
          gradient[i] = stretch * distance;
        }
        return value;
      },
      std::vector<double>(12, 0.0), {.tolerance = 1e-12});
  EXPECT_TRUE(found.converged);
  EXPECT_LT(found.steps, 200);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(found.x[i], double(i), 1e-8);
}

TEST(CalibrationTest, PlattFindsWhatTheLabelsWereDrawnFrom) {
  const Drawn all = drawn(20000, 0.4, -0.7);
  const Calibration found = fit_calibration(CalibrationMethod::kPlatt, all.logits, all.labels);
  EXPECT_NEAR(found.slope, 0.4, 0.02);
  EXPECT_NEAR(found.intercept, -0.7, 0.05);
  EXPECT_LT(ece(all, found), 0.02);
  EXPECT_GT(ece(all, {}), 0.15);
}

TEST(CalibrationTest, TemperatureIsASlopeAlone) {
  const Drawn all = drawn(20000, 0.25, 0);
  const Calibration found = fit_calibration(CalibrationMethod::kTemperature, all.logits, all.labels);
  EXPECT_NEAR(found.slope, 0.25, 0.02);
  EXPECT_EQ(found.intercept, 0);
  EXPECT_EQ(fit_calibration(CalibrationMethod::kNone, all.logits, all.labels), Calibration());
}

/// The scale of logits is no property of a film.
TEST(CalibrationTest, IsTheSameForLogitsOfAnotherSize) {
  const Drawn all = drawn(500, 0.8, 0.2);
  const Calibration found = fit_calibration(CalibrationMethod::kPlatt, all.logits, all.labels);
  Drawn large = all;
  for (double& logit : large.logits) logit *= 1000;
  const Calibration again = fit_calibration(CalibrationMethod::kPlatt, large.logits, large.labels);
  EXPECT_NEAR(again.slope * 1000, found.slope, 1e-6);
  EXPECT_NEAR(again.intercept, found.intercept, 1e-6);
}

TEST(CalibrationTest, StaysFiniteWhereLogitsSeparateLabels) {
  const std::vector<double> logits{-2, -1, 1, 2};
  const std::vector<int> labels{0, 0, 1, 1}, truth{0, 1};
  for (const auto method : {CalibrationMethod::kPlatt, CalibrationMethod::kTemperature}) {
    const Calibration found = fit_calibration(method, logits, labels);
    EXPECT_GT(found.slope, 0);
    EXPECT_LT(found.slope, 5);
    EXPECT_LT(fit_class_calibration(method, logits, truth, 2)[0].slope, 5);
  }
}

TEST(CalibrationTest, LogitsThatRankTheWrongWayRoundSayNothing) {
  const std::vector<double> logits{3, 2, 1, -2, -1};
  const std::vector<int> labels{0, 0, 0, 1, 1};
  const Calibration found = fit_calibration(CalibrationMethod::kPlatt, logits, labels);
  EXPECT_EQ(found.slope, 0);
  EXPECT_NEAR(sigmoid(found.intercept), 0.4, 1e-12);
  EXPECT_EQ(fit_calibration(CalibrationMethod::kTemperature, logits, labels).slope, 0);
}

TEST(CalibrationTest, NeedsBothLabels) {
  const std::vector<double> logits{1, 2};
  const std::vector<int> ones{1, 1};
  EXPECT_THROW(fit_calibration(CalibrationMethod::kPlatt, logits, ones), Failure);
  EXPECT_THROW(choose_threshold(logits, ones, {}), Failure);
  EXPECT_THROW(fit_class_calibration(CalibrationMethod::kPlatt, std::vector<double>{1, 2, 0, 3, 1, 0},
                                     std::vector<int>{0, 1}, 3),
               Failure);
}

TEST(CalibrationTest, ClassesGetOneSlopeAndAnInterceptEach) {
  StreamRandom random({12, 0, 0, RandomPurpose::kOther});
  const std::vector<double> intercepts{0.5, -0.8, 0.3};
  std::vector<double> logits;
  std::vector<int> truth;
  for (int i = 0; i < 20000; ++i) {
    std::vector<double> row;
    for (int k = 0; k < 3; ++k) logits.push_back(6 * random.uniform() - 3);
    for (std::size_t k = 0; k < 3; ++k) row.push_back(0.5 * logits[logits.size() - 3 + k] + intercepts[k]);
    softmax(row);
    const double at = random.uniform();
    truth.push_back(at < row[0] ? 0 : at < row[0] + row[1] ? 1 : 2);
  }
  const auto found = fit_class_calibration(CalibrationMethod::kPlatt, logits, truth, 3);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(found[k].slope, 0.5, 0.02);
    EXPECT_NEAR(found[k].intercept, intercepts[k], 0.06);
  }
  const auto temperature = fit_class_calibration(CalibrationMethod::kTemperature, logits, truth, 3);
  EXPECT_EQ(temperature[0], temperature[2]);
  EXPECT_EQ(temperature[0].intercept, 0);
}

TEST(CalibrationTest, ProbabilitiesOfClassesSumToOne) {
  const std::vector<double> found =
      probabilities_of(std::vector<double>{1, 2, 3, 800, -800, 0}, {{1, 0}, {1, 0}, {1, 0}}, true);
  EXPECT_NEAR(found[0] + found[1] + found[2], 1, 1e-12);
  EXPECT_NEAR(found[3], 1, 1e-12);
  EXPECT_NEAR(probabilities_of(std::vector<double>{-800.0}, {{1, 0}}, false)[0], 0, 1e-12);
}

// ---- thresholds ----

class ThresholdTest : public testing::Test {
 protected:
  double chosen(const std::string& rule) const { return choose_threshold(scores_, labels_, threshold_rule_from(rule)); }
  Confusion at(const std::string& rule) const { return confusion_at(scores_, labels_, chosen(rule)); }

  std::vector<double> scores_{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
  std::vector<int> labels_{0, 0, 1, 0, 0, 1, 1, 1};
};

TEST_F(ThresholdTest, FollowTheirRules) {
  EXPECT_DOUBLE_EQ(chosen("youden"), 0.55);  // 0.75 + 1
  EXPECT_DOUBLE_EQ(chosen("sensitivity=0.9"), 0.25);
  EXPECT_DOUBLE_EQ(at("sensitivity=0.9").sensitivity(), 1);
  EXPECT_DOUBLE_EQ(chosen("specificity=0.7"), 0.45);  // as sensitive as 0.55, and lower
  EXPECT_DOUBLE_EQ(chosen("0.35"), 0.35);
  EXPECT_DOUBLE_EQ(chosen("f1"), 0.55);
  EXPECT_GE(at("specificity=1").specificity(), 1);
}

TEST_F(ThresholdTest, NobodyIsCalledWhereTheRuleAllowsNobody) {
  scores_ = {0.9, 0.2};
  labels_ = {0, 1};
  EXPECT_EQ(chosen("specificity=1"), 1);
}

TEST_F(ThresholdTest, RulesAreReadAndWritten) {
  for (const char* text : {"youden", "f1", "sensitivity=0.95", "specificity=0.9", "0.3"})
    EXPECT_EQ(text_of(threshold_rule_from(text)), text);
  for (const char* text : {"", "best", "sensitivity=", "sensitivity=2", "1.5", "0.3x"})
    EXPECT_THROW(threshold_rule_from(text), Failure) << text;
}

}  // namespace
}  // namespace chexworld::test

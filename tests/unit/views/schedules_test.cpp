// SPDX-License-Identifier: Apache-2.0
#include "views/schedules.h"

#include "base/failure.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

TEST(Cosine, StartsAgainWithItsBaseAfterTheWarmUp) {
  const std::vector<double> values = values_of({1.0, 0.0, 10, 3, 0.0});
  ASSERT_EQ(values.size(), 10u);
  EXPECT_EQ(values[0], 0.0);
  EXPECT_EQ(values[1], 0.5);
  EXPECT_EQ(values[2], 1.0);
  EXPECT_EQ(values[3], 1.0);
  EXPECT_GT(values[9], 0.0);
}

TEST(Cosine, OneStepOfWarmUpIsTheStart) { EXPECT_EQ(values_of({1.0, 0.0, 3, 1, 0.25})[0], 0.25); }

TEST(Cosine, RefusesAWarmUpThatDoesNotFit) {
  EXPECT_THAT(capture([] { return values_of({1, 0, 10, 11, 0}); }).error().message(),
              testing::HasSubstr("does not fit"));
  EXPECT_FALSE(capture([] { return values_of({1, 0, -1, 0, 0}); }).ok());
  EXPECT_FALSE(capture([] { return values_of({1, 0, std::int64_t(1) << 60, 0, 0}); }).ok());
}

TEST(PretrainSchedules, AreLongerThanTrainingByTheStretch) {
  PretrainScheduleSettings settings;
  settings.epochs = 10;
  settings.warmup_epochs = 2;
  settings.iterations_per_epoch = 7;
  const PretrainSchedules schedules = pretrain_schedules(settings);
  EXPECT_EQ(schedules.learning_rate.size(), 80u);  // int(1.25 * 7) = 8 per epoch
  EXPECT_EQ(schedules.learning_rate[15], settings.learning_rate);
  EXPECT_EQ(schedules.learning_rate[16], settings.learning_rate);
  EXPECT_EQ(schedules.momentum.front(), settings.momentum);
  EXPECT_LT(schedules.momentum[69], 1.0);  // the last one that training reads
  for (const double value : schedules.weight_decay) EXPECT_EQ(value, settings.weight_decay);
}

TEST(PretrainSchedules, RefuseImpossibleSettings) {
  const auto refused = [](auto change) {
    PretrainScheduleSettings settings;
    settings.iterations_per_epoch = 10;
    change(settings);
    return !capture([&] { return pretrain_schedules(settings); }).ok();
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& s) { s.epochs = 0; }));
  EXPECT_TRUE(refused([](auto& s) { s.iterations_per_epoch = 0; }));
  EXPECT_TRUE(refused([](auto& s) { s.stretch = 0.5; }));
  EXPECT_TRUE(refused([](auto& s) { s.warmup_epochs = 301; }));
  EXPECT_TRUE(refused([](auto& s) { s.epochs = std::int64_t(1) << 62; }));
}

TEST(EpochSchedule, WarmUpMayBeMissing) {
  EXPECT_EQ(learning_rate_at({1e-3, 0, 0, 10}, 0), 1e-3);
  EXPECT_EQ(learning_rate_at({1e-3, 0, 2, 10}, 1), 5e-4);
  EXPECT_NEAR(learning_rate_at({1e-3, 1e-5, 2, 10}, 10), 1e-5, 1e-18);
  EXPECT_EQ(learning_rate_at({1e-3, 1e-5, 10, 10}, 10), 1e-3);
}

}  // namespace
}  // namespace chexworld

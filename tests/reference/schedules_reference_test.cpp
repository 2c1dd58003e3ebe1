// SPDX-License-Identifier: Apache-2.0
//
// Item 9 (the schedules; its parameter groups are compared with the networks), and the recipe of item 5.
#include "reference_item.h"
#include "support/test_data.h"
#include "views/schedules.h"

#include <cmath>

namespace chexworld {
namespace {

void expect_close(double found, double expected, const std::string& where) {
  EXPECT_NEAR(found, expected, 1e-14 * std::max(1e-3, std::abs(expected))) << where;
}

class SchedulesReference : public test::ReferenceSuite<SchedulesReference> {
 public:
  static constexpr const char* kItem = "schedules";
};

TEST_F(SchedulesReference, Cosine) {
  const Json& cases = item().json("cosine");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Json& c = cases[i];
    const std::string name = "cosine." + std::to_string(i);
    test::require_known_keys(
        c, {"base_value", "final_value", "epochs", "niter_per_ep", "warmup_epochs", "start_warmup_value", "values"},
        name);
    const std::int64_t epoch = c.at("niter_per_ep");
    const std::vector<double> values =
        values_of({c.at("base_value"), c.at("final_value"), c.at("epochs").get<std::int64_t>() * epoch,
                   c.at("warmup_epochs").get<std::int64_t>() * epoch, c.at("start_warmup_value")});
    const std::vector<double> expected = c.at("values");
    ASSERT_EQ(values.size(), expected.size()) << name;
    for (std::size_t k = 0; k < values.size(); ++k)
      expect_close(values[k], expected[k], name + " at " + std::to_string(k));
    const std::vector<float> copy = item().floats(name);
    ASSERT_EQ(copy.size(), values.size());
    for (std::size_t k = 0; k < values.size(); ++k) EXPECT_FLOAT_EQ(float(values[k]), copy[k]) << name;
  }
  test::report_coverage("cosine schedules", cases.size(), cases.size());
}

TEST_F(SchedulesReference, FractionalEpochs) {
  for (const Json& c : item().json("adjust_learning_rate")) {
    test::require_known_keys(c, {"lr", "min_lr", "warmup_epochs", "epochs", "values"}, "adjust_learning_rate");
    const EpochSchedule schedule{c.at("lr"), c.at("min_lr"), c.at("warmup_epochs"), c.at("epochs")};
    for (const Json& value : c.at("values")) {
      test::require_known_keys(value, {"epoch", "lr", "lr_group_scale_0p25", "lr_group_no_scale"}, "values");
      const double found = learning_rate_at(schedule, value.at("epoch"));
      const std::string where = "epoch " + value.at("epoch").dump();
      expect_close(found, value.at("lr"), where);
      expect_close(found, value.at("lr_group_no_scale"), where);
      expect_close(found * 0.25, value.at("lr_group_scale_0p25"), where);
    }
  }
}

TEST_F(SchedulesReference, ParameterGroupsAreComparedElsewhere) {
  for (const char* key : {"layer_decay", "segmentation_groups", "pretrain_groups"}) item().leave_out(key);
}

TEST(TrainingRecipe, SchedulesAreStretched) {
  if (!test::reference_present()) GTEST_SKIP() << "no reference numbers here (CHEXWORLD_REFERENCE_DIR)";
  test::ReferenceItem trace("training_trace");
  const Json& recipe = trace.json("recipe");
  PretrainScheduleSettings settings;
  settings.epochs = recipe.at("epochs");
  settings.iterations_per_epoch = recipe.at("loader_len");
  settings.stretch = recipe.at("ipe_scale");
  settings.warmup_epochs = recipe.at("warmup_epochs");
  settings.start_learning_rate = recipe.at("start_lr");
  settings.learning_rate = recipe.at("lr");
  settings.final_learning_rate = recipe.at("min_lr");
  settings.weight_decay = recipe.at("weight_decay");
  settings.final_weight_decay = recipe.at("weight_decay_end");
  settings.momentum = recipe.at("ema");
  settings.final_momentum = recipe.at("ema_end");
  const PretrainSchedules found = pretrain_schedules(settings);
  const auto expect_all = [&](const std::vector<double>& values, const char* key) {
    const std::vector<double> expected = recipe.at(key);
    ASSERT_EQ(values.size(), expected.size()) << key;
    for (std::size_t i = 0; i < values.size(); ++i) expect_close(values[i], expected[i], key);
  };
  expect_all(found.learning_rate, "lr_schedule");
  expect_all(found.weight_decay, "wd_schedule");
  expect_all(found.momentum, "momentum_schedule");
}

}  // namespace
}  // namespace chexworld

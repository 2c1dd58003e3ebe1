// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/sensitivity.h"

#include "base/failure.h"
#include "support/temporary_folder.h"
#include "trainer/run/pretraining.h"
#include "unit/trainer/drawn_films.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <set>

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

PretrainConfig small_config() {
  PretrainConfig config;
  apply_settings(config,
                 {{"arch", "custom"},
                  {"image_size", 32},
                  {"patch_size", 4},
                  {"width", 24},
                  {"depth", 1},
                  {"heads", 2},
                  {"pred_width", 16},
                  {"pred_depth", 1},
                  {"mask_min_keep", 2}},
                 "test");
  return config;
}

TEST(ActionGrid, CoversTheRangesEvenly) {
  const std::vector<Action> grid = action_grid({}, 16);  // the released ranges; 4 x 2 x 2
  ASSERT_EQ(grid.size(), 16u);
  std::set<float> brightness, contrast, gamma;
  for (const Action& action : grid) {
    brightness.insert(action.brightness);
    contrast.insert(action.contrast);
    gamma.insert(action.gamma);
    EXPECT_EQ(action.blur_radius, 0);
    EXPECT_EQ(action.noise_sigma, 0);
  }
  EXPECT_THAT(brightness, ElementsAre(FloatNear(0.7F, 1e-6F), FloatNear(0.9F, 1e-6F), FloatNear(1.1F, 1e-6F),
                                      FloatNear(1.3F, 1e-6F)));
  EXPECT_THAT(contrast, ElementsAre(FloatNear(0.8F, 1e-6F), FloatNear(1.2F, 1e-6F)));
  EXPECT_THAT(gamma, ElementsAre(FloatNear(0.70711F, 1e-4F), FloatNear(1.41421F, 1e-4F)));
}

TEST(ActionGrid, HasAsManyDifferentActionsAsAskedFor) {
  for (const std::int64_t count : {1, 7, 30, 64, 100}) {
    std::set<std::array<float, 5>> different;
    for (const Action& action : action_grid({}, count)) different.insert(action.values());
    EXPECT_EQ(std::int64_t(different.size()), count);
  }
}

TEST(SensitivityCandidates, ContextsAreTargetsUnderTheirActions) {
  const PretrainConfig config = small_config();
  const DomainCandidates made = sensitivity_candidates(drawn_film(3), config, 8, 5, 3);
  ASSERT_EQ(made.targets.sizes(), (at::IntArrayRef{8, 3, 32, 32}));
  ASSERT_EQ(made.actions.sizes(), (at::IntArrayRef{8, 5}));
  EXPECT_EQ(made.context_positions.size(0), 1);
  for (std::int64_t i = 0; i < 8; ++i) {
    const bool changed = !at::equal(made.targets[i], made.contexts[i]);
    const bool told = made.actions[i][0].item<float>() != 1 || made.actions[i][3].item<float>() != 0;
    EXPECT_EQ(changed, told) << i;
    for (std::int64_t j = 0; j < i; ++j) EXPECT_FALSE(at::equal(made.targets[i], made.targets[j])) << i << " " << j;
  }
  const DomainCandidates again = sensitivity_candidates(drawn_film(3), config, 8, 5, 3);
  EXPECT_TRUE(at::equal(made.contexts, again.contexts) && at::equal(made.target_positions, again.target_positions));
  EXPECT_FALSE(at::equal(made.actions, sensitivity_candidates(drawn_film(3), config, 8, 6, 3).actions));
}

class SensitivityTest : public testing::Test {
 protected:
  SensitivityTest() : model_(world_model_config(small_config())) {
    model_.initialise(2);
    for (NamedTensor& parameter : model_.parameters())  // large enough that actions show
      if (parameter.name.ends_with("weight") && parameter.tensor.dim() == 2)
        parameter.tensor.set_data(parameter.tensor * 8);
    model_.copy_encoder_to_target();
    model_.train(false);
  }

  const TemporaryFolder folder_;
  const Archive archive_ = drawn_archive(folder_ / "archive", 4);
  WorldModel model_;
};

TEST_F(SensitivityTest, ReportsMeansOverFilms) {
  const std::vector<std::int64_t> films{0, 2};
  const SensitivityReport report = test_sensitivity(model_, small_config(), archive_, films, 8, 1);
  EXPECT_EQ(report.films, 2);
  EXPECT_THAT(report.chance, ElementsAre(1.0 / 8, 3.0 / 8, 5.0 / 8));
  for (std::size_t i = 0; i < 3; ++i) {
    double with = 0, zeroed = 0, identity = 0;
    for (const std::int64_t film : films) {
      DomainCandidates input = sensitivity_candidates(archive_.film(film), small_config(), 8, 1, film);
      with += domain_sensitivity(model_, input).recall_at(kRecallRanks[i]) / 2;
      input.actions = at::zeros({8, 5});
      zeroed += domain_sensitivity(model_, input).recall_at(kRecallRanks[i]) / 2;
      input.actions = at::tensor({1.F, 1.F, 1.F, 0.F, 0.F}).expand({8, 5});
      identity += domain_sensitivity(model_, input).recall_at(kRecallRanks[i]) / 2;
    }
    EXPECT_DOUBLE_EQ(report.with_action.mean[i], with);
    EXPECT_DOUBLE_EQ(report.zeroed.mean[i], zeroed);
    EXPECT_DOUBLE_EQ(report.identity.mean[i], identity);
  }
}

TEST_F(SensitivityTest, EndsEarlyWhenAskedTo) {
  const SensitivityReport report = test_sensitivity(model_, small_config(), archive_, all_films(archive_), 4, 1,
                                                    [](std::int64_t done) { return done < 2; });
  EXPECT_EQ(report.films, 2);
}

TEST_F(SensitivityTest, RefusesModelsWithoutAction) {
  PretrainConfig config = small_config();
  config.objective = "ijepa";
  const WorldModel model(world_model_config(config));
  EXPECT_THROW(test_sensitivity(model, config, archive_, {0}, 4, 1), Failure);
  EXPECT_THROW(test_sensitivity(model_, small_config(), archive_, {}, 4, 1), Failure);
}

}  // namespace
}  // namespace chexworld::test

// SPDX-License-Identifier: Apache-2.0
//
// What the reference numbers do not show: the paper's variants, index sets of different lengths, shared forward passes.
#include "worldmodel/objective.h"
#include "base/failure.h"
#include "worldmodel/domain_sensitivity.h"
#include "worldmodel/masked_objective.h"
#include "worldmodel/predict_together.h"

#include <c10/core/GradMode.h>
#include <functional>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

WorldModelConfig small_config() {
  WorldModelConfig config;
  config.encoder.image_size = 16;
  config.encoder.patch_size = 4;
  config.encoder.width = 16;
  config.encoder.depth = 2;
  config.encoder.heads = 2;
  config.predictor.width = 8;
  config.predictor.depth = 1;
  config.predictor.heads = 2;
  return config;
}

/// B rows of K distinct patch numbers out of 16.
at::Tensor some_positions(std::int64_t batch, std::int64_t count) {
  return std::get<0>(at::rand({batch, 16}).argsort(std::int64_t{1}).narrow(1, 0, count).sort(1));
}

class ObjectiveTest : public testing::Test {
 protected:
  ObjectiveTest() : model_(small_config()) {
    at::manual_seed(4);
    model_.initialise(9);
    for (NamedTensor& parameter : model_.parameters())  // large enough to tell terms apart
      parameter.tensor.mul_(parameter.name.ends_with("weight") && parameter.tensor.dim() > 1 ? 5 : 1);
    const auto images = [] { return at::randn({3, 3, 16, 16}); };
    batch_ = {
        images(), images(), images(), images(), at::rand({3, 5}), at::rand({3, 5}), at::rand({3, 4}), at::rand({3, 4}),
        {},       {},       {},       {}};
    batch_.share_positions(some_positions(3, 6), some_positions(3, 4), at::tensor({2, 0, 1}));
  }

  WorldModelLoss loss(const Objective& objective) const { return world_model_loss(model_, batch_, objective); }
  static double value(const at::Tensor& scalar) { return scalar.item<double>(); }

  const c10::NoGradGuard no_gradient_;
  WorldModel model_;
  DualViewBatch batch_;
};

TEST_F(ObjectiveTest, PlainSumIsTheSumOfTheFourTerms) {
  Objective objective;
  objective.combination = Combination::kPlainSum;
  const WorldModelLoss found = loss(objective);
  EXPECT_NEAR(value(found.loss), value(found.l11) + value(found.l22) + value(found.l21) + value(found.l12), 1e-5);
}

TEST_F(ObjectiveTest, LocalOnlyHasNoGlobalTerms) {
  Objective objective;
  objective.global = false;
  const WorldModelLoss found = loss(objective);
  EXPECT_FALSE(found.l21.defined() || found.l12.defined() || found.extra.defined());
  EXPECT_EQ(value(found.loss), value(found.intra));
  EXPECT_NEAR(value(found.l11), value(loss({}).l11), 1e-6);
}

TEST_F(ObjectiveTest, WithoutDomainTheContextsArePlainAndTheActionDoesNotMatter) {
  Objective objective;
  objective.domain = false;
  const double found = value(loss(objective).loss);
  EXPECT_NE(found, value(loss({}).loss));
  batch_.augmented1 = at::randn_like(batch_.augmented1);
  batch_.action2 = batch_.action2 + 1;
  EXPECT_EQ(value(loss(objective).loss), found);
  batch_.augmented1 = batch_.view1;
  batch_.augmented2 = batch_.view2;
  Objective no_action;
  no_action.disable_action = true;
  EXPECT_NEAR(value(loss(no_action).loss), found, 1e-6);
}

TEST_F(ObjectiveTest, AllPatchesCoverTheWholeTargetView) {
  Objective objective;
  objective.all_patches = true;
  const WorldModelTerms terms = world_model_terms(model_, batch_, objective);
  EXPECT_EQ(terms.term21.predicted.sizes(), (at::IntArrayRef{3, 16, 16}));
  EXPECT_TRUE(at::allclose(terms.term21.target, model_.target_features(batch_.view2), 1e-4, 1e-6));
  EXPECT_EQ(terms.term11.predicted.size(1), 4);
  // The local terms stay what they are.
  EXPECT_TRUE(at::allclose(terms.term11.predicted, world_model_terms(model_, batch_, {}).term11.predicted, 1e-4, 1e-6));
}

TEST_F(ObjectiveTest, IndexSetsOfTheTwoViewsMayDifferInLength) {
  const at::Tensor context1 = batch_.context_positions1, target1 = batch_.target_positions1;
  batch_.context_positions2 = some_positions(3, 9);
  batch_.target_positions2 = some_positions(3, 2);
  const WorldModelTerms terms = world_model_terms(model_, batch_, {});
  EXPECT_EQ(terms.term22.predicted.size(1), 2);
  EXPECT_EQ(terms.term12.predicted.size(1), 4);
  batch_.context_positions2 = context1;
  batch_.target_positions2 = target1;
  EXPECT_TRUE(at::allclose(terms.term11.predicted, world_model_terms(model_, batch_, {}).term11.predicted, 1e-4, 1e-6));
}

TEST_F(ObjectiveTest, TogetherIsTheSameAsOneByOne) {
  const ContextInput one{batch_.view1, batch_.context_positions1}, two{batch_.view2, batch_.context_positions2};
  const auto encoded = encode_together(model_.encoder(), {one, two});
  EXPECT_TRUE(at::allclose(encoded[1], model_.encoder().tokens(two.images, {two.positions}), 1e-4, 1e-6));
  const auto input = [&](const at::Tensor& targets, const at::Tensor& relative) {
    return PredictorInput{encoded[0], batch_.context_positions1, targets, batch_.action1, relative};
  };
  const std::vector<PredictorInput> inputs{input(batch_.target_positions1, batch_.relative_position12),
                                           input(some_positions(3, 7), batch_.relative_position12),
                                           input(batch_.target_positions2, batch_.relative_position21)};
  const auto predicted = predict_together(model_.predictor(), inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    EXPECT_TRUE(at::allclose(predicted[i], model_.predictor()(inputs[i]), 1e-4, 1e-6)) << i;
}

TEST_F(ObjectiveTest, VarianceRegulariserPushesFlatPredictionsApart) {
  Objective objective;
  objective.variance_weight = 0.5;
  EXPECT_GT(value(loss(objective).loss), value(loss({}).loss));
  EXPECT_EQ(value(loss(objective).extra), value(loss({}).extra));
}

TEST_F(ObjectiveTest, RefusesMoreTargetLayersThanThereAre) {
  Objective objective;
  objective.target_layers = 3;
  try {
    loss(objective);
    FAIL() << "no failure";
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("1 to 2 layers"));
  }
}

TEST_F(ObjectiveTest, TargetFeaturesHaveUnitVariance) {
  const at::Tensor features = model_.target_features(batch_.view1);
  EXPECT_LT(features.mean(2).abs().max().item<double>(), 1e-5);
  EXPECT_NEAR(features.var(2, false).mean().item<double>(), 1, 1e-3);
}

TEST_F(ObjectiveTest, MaskedLossWeighsElementsAlike) {
  WorldModelConfig config = small_config();
  config.predictor.action_size = 0;
  WorldModel plain(config);
  plain.initialise(3);
  const std::vector<Term> terms =
      masked_terms(plain, {batch_.view1, some_positions(3, 6), {some_positions(3, 2), some_positions(3, 5)}});
  const double first = value(distance_between(terms[0].predicted, terms[0].target, Distance::kSmoothL1));
  const double second = value(distance_between(terms[1].predicted, terms[1].target, Distance::kSmoothL1));
  EXPECT_NEAR(value(masked_loss(terms)), (2 * first + 5 * second) / 7, 1e-6);
}

TEST(WorldModel, MovingAverageFollowsTheEncoder) {
  WorldModel model(small_config());
  model.initialise(1);
  model.copy_encoder_to_target();
  const auto of = [&](const std::string& name) {
    for (const NamedTensor& parameter : model.parameters())
      if (parameter.name == name) return parameter.tensor.detach();
    ADD_FAILURE() << "no " << name;
    return at::Tensor();
  };
  const std::string weight = "blocks.0.mlp.fc1.weight";
  EXPECT_TRUE(at::equal(of("encoder." + weight), of("target_encoder." + weight)));
  const at::Tensor before = of("target_encoder." + weight).clone();
  of("encoder." + weight).add_(1);
  model.update_target(0.9);
  EXPECT_TRUE(at::allclose(of("target_encoder." + weight), before + 0.1, 1e-5, 1e-6));
  for (const NamedTensor& parameter : model.trainable_parameters())
    EXPECT_FALSE(parameter.name.starts_with("target_encoder.")) << parameter.name;
}

TEST(DomainSensitivity, RecallCountsRanksBelowK) {
  DomainSensitivity result;
  result.rank = at::tensor({0, 2, 4, 0}, at::kLong);
  EXPECT_EQ(result.recall_at(1), 0.5);
  EXPECT_EQ(result.recall_at(3), 0.75);
  EXPECT_EQ(result.recall_at(5), 1.0);
}

}  // namespace
}  // namespace chexworld::test

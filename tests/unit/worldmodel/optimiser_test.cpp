// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "worldmodel/adamw.h"
#include "worldmodel/gradient_clip.h"
#include "worldmodel/pretraining_step.h"

#include <gmock/gmock.h>
#include <limits>
#include <torch/optim/adamw.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

NamedTensor parameter(const std::string& name, at::IntArrayRef sizes, at::ScalarType type = at::kFloat) {
  return {name, at::randn(sizes, type).requires_grad_()};
}

void set_gradient(NamedTensor entry, const at::Tensor& gradient) { entry.tensor.mutable_grad() = gradient.clone(); }

/// Five updates beside torch's own optimizer, on the same gradients.
void expect_like_torch(bool fused, at::ScalarType type, double tolerance) {
  at::manual_seed(1);
  const std::vector<NamedTensor> ours{parameter("a", {4, 5}, type), parameter("b", {3}, type)};
  std::vector<at::Tensor> theirs;
  for (const NamedTensor& entry : ours) theirs.push_back(entry.tensor.detach().clone().requires_grad_());
  AdamW optimizer({{ours, 0.05, 0.5}}, {.beta1 = 0.8, .beta2 = 0.95, .eps = 1e-7, .fused = fused});
  torch::optim::AdamW plain(theirs, torch::optim::AdamWOptions(0.5e-2).betas({0.8, 0.95}).eps(1e-7).weight_decay(0.05));
  for (int i = 0; i < 5; ++i) {
    for (std::size_t k = 0; k < ours.size(); ++k) {
      const at::Tensor gradient = at::randn_like(theirs[k]);
      set_gradient(ours[k], gradient);
      theirs[k].mutable_grad() = gradient.clone();
    }
    optimizer.step(1e-2);
    plain.step();
  }
  for (std::size_t k = 0; k < ours.size(); ++k)
    EXPECT_LT((ours[k].tensor - theirs[k]).abs().max().item<double>(), tolerance) << ours[k].name;
}

TEST(AdamW, FusedEqualsTorch) { expect_like_torch(true, at::kFloat, 1e-6); }
TEST(AdamW, PlainEqualsTorch) { expect_like_torch(false, at::kFloat, 1e-6); }
TEST(AdamW, DoublePrecisionEqualsTorch) { expect_like_torch(true, at::kDouble, 1e-13); }

TEST(AdamW, LeavesParametersWithoutGradientAlone) {
  const NamedTensor with = parameter("with", {2}), without = parameter("without", {2});
  const at::Tensor before = without.tensor.detach().clone();
  AdamW optimizer({{{with, without}, 0.1, 1}});
  set_gradient(with, at::ones({2}));
  optimizer.step(0.1);
  EXPECT_TRUE(at::equal(without.tensor, before));
  EXPECT_TRUE(optimizer.state().contains("step/with"));
  EXPECT_FALSE(optimizer.state().contains("step/without"));
}

TEST(AdamW, WeightDecayChangesOnlyInGroupsThatHaveOne) {
  AdamW optimizer({{{parameter("bias", {2})}, 0, 1}, {{parameter("weight", {2, 2})}, 0.05, 1}});
  optimizer.set_weight_decay(0.2);
  EXPECT_EQ(optimizer.groups()[0].weight_decay, 0);
  EXPECT_EQ(optimizer.groups()[1].weight_decay, 0.2);
}

TEST(AdamW, GoesOnFromASavedState) {
  const at::Tensor start = at::randn({3, 3});
  const auto run = [&](int saved_after) {
    const NamedTensor weight{"w", start.clone().requires_grad_()};
    std::optional<AdamW> optimizer(std::in_place, std::vector<ParameterGroup>{{{weight}, 0.1, 1}});
    at::manual_seed(6);
    for (int i = 0; i < 6; ++i) {
      if (i == saved_after) {
        State saved;
        for (const auto& [name, tensor] : optimizer->state()) saved[name] = tensor.clone();
        optimizer.emplace(std::vector<ParameterGroup>{{{weight}, 0.1, 1}});
        optimizer->load(saved);
      }
      set_gradient(weight, at::randn({3, 3}));
      optimizer->step(0.01);
    }
    return weight.tensor.detach().clone();
  };
  EXPECT_TRUE(at::equal(run(-1), run(3)));
}

TEST(AdamW, RefusesStatesOfOtherModels) {
  AdamW optimizer({{{parameter("w", {2})}, 0, 1}});
  const auto message_of = [&](const State& state) {
    try {
      optimizer.load(state);
    } catch (const Failure& failure) {
      return std::string(failure.what());
    }
    return std::string("no failure");
  };
  const at::Tensor two = at::zeros({2}), one = at::ones({});
  EXPECT_EQ(message_of({{"exp_avg/w", two}, {"exp_avg_sq/w", two}, {"step/w", one}}), "no failure");
  EXPECT_THAT(message_of({{"exp_avg/w", two}, {"step/w", one}}), HasSubstr("exp_avg_sq/w is missing"));
  EXPECT_THAT(message_of({{"exp_avg/w", one}, {"exp_avg_sq/w", two}, {"step/w", one}}),
              HasSubstr("exp_avg/w has another shape"));
  EXPECT_THAT(message_of({{"exp_avg/v", two}}), HasSubstr("no parameter for exp_avg/v"));
}

TEST(ClipGradients, ScalesDownToTheLargestNorm) {
  const std::vector<NamedTensor> both{parameter("a", {2}), parameter("b", {2, 2}), parameter("unused", {9})};
  const auto set = [&](float a, float b) {
    set_gradient(both[0], at::full({2}, a));
    set_gradient(both[1], at::full({2, 2}, b));
  };
  set(3, 4);
  const double norm = std::sqrt(2 * 9 + 4 * 16.0);
  EXPECT_NEAR(clip_gradients(both, 1).item<double>(), norm, 1e-5);
  EXPECT_NEAR(both[1].tensor.grad()[0][0].item<double>(), 4 / norm, 1e-6);
  EXPECT_NEAR(clip_gradients(both, 5).item<double>(), 1, 1e-5);  // small enough: as it was
  EXPECT_NEAR(both[1].tensor.grad()[0][0].item<double>(), 4 / norm, 1e-6);
  set(3, 4);
  clip_gradients(both, 0);
  EXPECT_EQ(both[0].tensor.grad()[0].item<double>(), 3);
  EXPECT_EQ(clip_gradients({parameter("none", {1})}, 1).item<double>(), 0);
}

struct SmallRun {
  explicit SmallRun(const PretrainingStepOptions& options) : model(config()) {
    at::manual_seed(2);
    model.initialise(1);
    model.copy_encoder_to_target();
    optimizer.emplace(pretraining_groups(model.parameters(), 0.05));
    step.emplace(model, *optimizer, options);
    const auto images = [] { return at::randn({2, 3, 16, 16}); };
    batch = {
        images(), images(), images(), images(), at::rand({2, 5}), at::rand({2, 5}), at::rand({2, 4}), at::rand({2, 4}),
        {},       {},       {},       {}};
    const at::Tensor positions = at::arange(16, at::kLong).repeat({2, 1});
    batch.share_positions(positions.narrow(1, 0, 8), positions.narrow(1, 9, 4), at::tensor({1, 0}));
  }

  static WorldModelConfig config() {
    WorldModelConfig config;
    config.encoder.image_size = 16;
    config.encoder.patch_size = 4;
    config.encoder.width = 16;
    config.encoder.depth = 1;
    config.encoder.heads = 2;
    config.predictor.width = 8;
    config.predictor.depth = 1;
    config.predictor.heads = 2;
    return config;
  }

  at::Tensor weights() const {
    std::vector<at::Tensor> all;
    for (const NamedTensor& entry : model.trainable_parameters()) all.push_back(entry.tensor.detach().flatten());
    return at::cat(all);
  }

  WorldModel model;
  std::optional<AdamW> optimizer;
  std::optional<PretrainingStep> step;
  DualViewBatch batch;
};

TEST(PretrainingStep, LossFallsOnOneBatch) {
  SmallRun run({});
  double first = 0, last = 0;
  for (int i = 0; i < 60; ++i) {
    last = (*run.step)(i, run.batch, {2e-3, 0.05, 1}).loss.loss.item<double>();
    if (i == 0) first = last;
  }
  EXPECT_LT(last, 0.7 * first);
}

TEST(PretrainingStep, SkipsGradientsThatAreNotFinite) {
  SmallRun run({});
  const at::Tensor before = run.weights();
  run.batch.augmented1.fill_(std::numeric_limits<float>::infinity());
  const StepReport report = (*run.step)(0, run.batch, {1e-3, 0.05, 0.9});
  EXPECT_TRUE(report.update_due && report.skipped);
  EXPECT_TRUE(at::equal(run.weights(), before));
  EXPECT_TRUE(run.optimizer->state().empty());
}

TEST(PretrainingStep, UpdatesAfterEveryAccumulatedMicroBatch) {
  SmallRun run({.accumulate = 3});
  std::vector<bool> due;
  int gathered = 0;
  for (int i = 0; i < 6; ++i) due.push_back((*run.step)(i, run.batch, {1e-3, 0.05, 1}, [&] { ++gathered; }).update_due);
  EXPECT_THAT(due, testing::ElementsAre(false, false, true, false, false, true));
  EXPECT_EQ(gathered, 2);
}

TEST(PretrainingStep, MixedPrecisionStaysNearFloat32) {
  SmallRun exact({}), mixed({.autocast = {at::kCPU, true, at::kBFloat16}});
  const StepReport a = (*exact.step)(0, exact.batch, {1e-3, 0.05, 1}),
                   b = (*mixed.step)(0, mixed.batch, {1e-3, 0.05, 1});
  EXPECT_NEAR(b.loss.loss.item<double>(), a.loss.loss.item<double>(), 0.02 * a.loss.loss.item<double>());
  EXPECT_NE(b.loss.loss.item<double>(), a.loss.loss.item<double>());
  EXPECT_EQ(b.loss.loss.scalar_type(), at::kFloat);
  for (const NamedTensor& entry : mixed.model.parameters()) EXPECT_EQ(entry.tensor.scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace chexworld::test

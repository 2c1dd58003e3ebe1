// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "nn/autocast.h"
#include "nn/encoder.h"
#include "nn/position.h"
#include "nn/predictor.h"
#include "nn/state.h"
#include "nn/tensor_convert.h"
#include "support/failure_message.h"

#include <gmock/gmock.h>
#include <limits>

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

EncoderConfig small_config() {
  EncoderConfig config;
  config.image_size = 16;
  config.patch_size = 4;
  config.width = 16;
  config.depth = 3;
  config.heads = 2;
  return config;
}

TEST(VisionTransformer, NamesAreThePublishedOnes) {
  EncoderConfig config = small_config();
  config.depth = 1;
  std::vector<std::string> names;
  for (const NamedTensor& entry : VisionTransformer(config).state()) names.push_back(entry.name);
  EXPECT_THAT(names,
              ElementsAre("pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "blocks.0.norm1.weight",
                          "blocks.0.norm1.bias", "blocks.0.attn.qkv.weight", "blocks.0.attn.qkv.bias",
                          "blocks.0.attn.proj.weight", "blocks.0.attn.proj.bias", "blocks.0.norm2.weight",
                          "blocks.0.norm2.bias", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc1.bias",
                          "blocks.0.mlp.fc2.weight", "blocks.0.mlp.fc2.bias", "norm.weight", "norm.bias"));
}

TEST(VisionTransformer, InitialWeightsFollowTheSpecification) {
  VisionTransformer encoder(EncoderConfig::preset("vit_tiny").value()), twin(encoder.config()), other(encoder.config());
  encoder.initialise(1);
  twin.initialise(1);
  other.initialise(2);
  const auto mine = encoder.state(), same = twin.state(), different = other.state();
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const auto& [name, tensor] = mine[i];
    EXPECT_TRUE(at::equal(tensor, same[i].tensor)) << name;
    if (name == "pos_embed") continue;
    if (name.ends_with("bias")) {
      EXPECT_EQ(tensor.abs().max().item<float>(), 0) << name;
    } else if (name.find("norm") != std::string::npos) {
      EXPECT_EQ((tensor - 1).abs().max().item<float>(), 0) << name;
    } else {
      EXPECT_FALSE(at::equal(tensor, different[i].tensor)) << name;
      EXPECT_NEAR(tensor.std().item<double>(), 0.02, 0.001) << name;
      EXPECT_NEAR(tensor.mean().item<double>(), 0, 0.001) << name;
    }
  }
}

TEST(VisionTransformer, PositionTableIsNeverTrained) {
  for (const NamedTensor& parameter : VisionTransformer(small_config()).trainable_parameters())
    EXPECT_NE(parameter.name, "pos_embed");
}

TEST(VisionTransformer, LeftOutPatchesAreNotLookedAt) {
  VisionTransformer encoder(small_config());
  encoder.initialise(1);
  const at::Tensor list = at::arange(4, at::kLong).repeat({2, 1});  // the uppermost row of patches
  const at::Tensor images = at::randn({2, 3, 16, 16}), changed = images.clone();
  changed.narrow(2, 4, 12).zero_();
  EXPECT_TRUE(at::equal(encoder.tokens(images, {list}), encoder.tokens(changed, {list})));
}

TEST(VisionTransformer, RefusesImagesThatDoNotFit) {
  const VisionTransformer encoder(small_config());
  EXPECT_THAT(message_of([&] { encoder.tokens(at::zeros({1, 3, 18, 18})); }), HasSubstr("patch size 4"));
  EXPECT_THAT(message_of([&] { encoder.tokens(at::zeros({1, 1, 16, 16})); }), HasSubstr("[batch, 3, side, side]"));
  EXPECT_THAT(message_of([&] { encoder.tokens(at::zeros({1, 3, 16, 12})); }), HasSubstr("[batch, 3, side, side]"));
}

/// Gradients of all parameters after one backward pass through a deterministic drop path draw.
std::vector<at::Tensor> gradients(bool checkpointing, double drop_path, bool mixed) {
  EncoderOptions options;
  options.stack = {drop_path, checkpointing};
  VisionTransformer encoder(small_config(), options);
  encoder.initialise(5);
  at::manual_seed(11);
  const at::Tensor images = at::randn({4, 3, 16, 16});
  at::Tensor loss;
  {
    const AutocastGuard autocast({at::kCPU, mixed, at::kBFloat16});
    loss = encoder.tokens(images).to(at::kFloat).square().mean();
  }
  loss.backward();
  std::vector<at::Tensor> all;
  for (const NamedTensor& parameter : encoder.trainable_parameters()) all.push_back(parameter.tensor.grad());
  return all;
}

TEST(GradientCheckpointing, ChangesNoGradient) {
  for (const double drop_path : {0.0, 0.5}) {
    for (const bool mixed : {false, true}) {
      const auto plain = gradients(false, drop_path, mixed), recomputed = gradients(true, drop_path, mixed);
      ASSERT_EQ(plain.size(), recomputed.size());
      for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_TRUE(at::equal(plain[i], recomputed[i])) << i;
    }
  }
}

TEST(GradientCheckpointing, WorksWhereTheInputNeedsNoGradient) {
  EncoderOptions options;
  options.stack.gradient_checkpointing = true;
  VisionTransformer encoder(small_config(), options);
  encoder.initialise(5);
  for (NamedTensor& parameter : encoder.parameters()) {
    if (parameter.name.starts_with("patch_embed")) parameter.tensor.set_requires_grad(false);
  }
  encoder.tokens(at::randn({1, 3, 16, 16})).sum().backward();
  for (const NamedTensor& parameter : encoder.trainable_parameters())
    EXPECT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
}

TEST(DropPath, ActsOnWholeSamplesInTrainingOnly) {
  EncoderOptions options;
  options.stack.drop_path = 0.9;
  VisionTransformer encoder(small_config(), options);
  encoder.initialise(5);
  at::manual_seed(1);
  const at::Tensor images = at::randn({1, 3, 16, 16}).repeat({64, 1, 1, 1});
  const at::Tensor trained = encoder.pooled(images);
  EXPECT_FALSE(at::allclose(trained, trained.narrow(0, 0, 1).expand_as(trained)));
  encoder.train(false);
  const at::Tensor judged = encoder.pooled(images);
  EXPECT_TRUE(at::allclose(judged, judged.narrow(0, 0, 1).expand_as(judged), 1e-4, 1e-6));
}

TEST(DropPath, KeepsTheExpectation) {
  BlockConfig config{8, 2, 16, true, 1e-6};
  BlockStack stack(config, 2, {0.5, false});
  stack.initialise(3);
  at::manual_seed(2);
  const at::Tensor one = at::randn({1, 4, 8});
  const at::Tensor mean = stack(one.repeat({20000, 1, 1})).mean(0, true);
  stack.train(false);
  const at::Tensor expected = stack(one);
  EXPECT_LT((mean - expected).abs().max().item<double>(), 0.05 * (expected - one).abs().max().item<double>());
}

TEST(Autocast, StreamTypesAreThePublishedOnes) {  // reference quirk 23
  VisionTransformer encoder(small_config());
  encoder.initialise(1);
  Predictor predictor({.encoder_width = 16, .width = 8, .depth = 1, .heads = 2, .grid = 4});
  predictor.initialise(1);
  const at::Tensor list = at::arange(4, at::kLong).unsqueeze(0);
  {
    const AutocastGuard autocast({at::kCPU, true, at::kBFloat16});
    const at::Tensor tokens = encoder.tokens(at::randn({1, 3, 16, 16}), {list});
    EXPECT_EQ(encoder.layers(at::randn({1, 3, 16, 16}))[0].scalar_type(), at::kFloat);
    EXPECT_EQ(predictor({tokens, list, list, at::randn({1, 5}), {}}).scalar_type(), at::kBFloat16);
  }
  EXPECT_FALSE(current_autocast(at::kCPU).enabled);
}

TEST(Predictor, RefusesWhatDoesNotFit) {
  const Predictor predictor({.encoder_width = 16, .width = 8, .depth = 1, .heads = 2, .grid = 4});
  const at::Tensor list = at::arange(4, at::kLong).unsqueeze(0), tokens = at::randn({1, 4, 16});
  EXPECT_THAT(message_of([&] { predictor({tokens, list, list, {}, {}}); }), HasSubstr("action of 5 numbers"));
  EXPECT_THAT(message_of([&] { predictor({tokens, list, list, at::zeros({1, 5}), at::zeros({1, 3})}); }),
              HasSubstr("rows of 4 numbers"));
  EXPECT_THAT(message_of([&] { predictor(tokens, {list, list}, {list}, at::zeros({1, 5}), {}); }),
              HasSubstr("same number of target lists"));
  EXPECT_THAT(message_of([&] { Predictor({.encoder_width = 16, .width = 8, .heads = 3}); }), HasSubstr("3 heads"));
  EXPECT_THAT(message_of([&] { Predictor({.encoder_width = 16, .width = 6, .heads = 3}); }),
              HasSubstr("divisible by 4"));
}

TEST(Predictor, UnifiedEmbeddingIsTheRelativeTableAtZero) {
  const PredictorConfig config{.encoder_width = 16, .width = 8, .depth = 0, .heads = 2, .grid = 3, .unify_embed = true};
  const at::Tensor table = Predictor(config).state().at(1).tensor;
  EXPECT_TRUE(at::equal(table, relative_position_table(at::zeros({1, 4}), 8, 3)));
  const at::Tensor absolute = absolute_position_table(8, 3);
  EXPECT_TRUE(at::allclose(table[0], at::cat({absolute.narrow(1, 4, 4), absolute.narrow(1, 0, 4)}, 1)));
}

TEST(State, NonStrictLoadingReportsAndStrictRefuses) {
  VisionTransformer encoder(small_config());
  State state;
  for (const NamedTensor& entry : encoder.state()) state[entry.name] = at::full_like(entry.tensor, 0.5);
  state.erase("norm.bias");
  state["head.weight"] = at::zeros({2, 2});
  EXPECT_THAT(message_of([&] { load_exactly(encoder, state, "here"); }),
              HasSubstr("here: weights are of another model"));
  EXPECT_EQ(encoder.state().back().tensor.sum().item<float>(), 0);  // nothing was copied
  EXPECT_EQ(encoder.state().front().tensor.max().item<float>(), 1);
  const LoadReport report = load_matching(encoder, state);
  EXPECT_THAT(report.missing, ElementsAre("norm.bias"));
  EXPECT_THAT(report.unexpected, ElementsAre("head.weight"));
  EXPECT_EQ(encoder.state().front().tensor.max().item<float>(), 0.5f);
}

TEST(TensorConvert, EveryTypeThereAndBack) {
  for (const DataType type : {DataType::kF64, DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kI64,
                              DataType::kI32, DataType::kI16, DataType::kI8, DataType::kU8, DataType::kBool}) {
    const at::Tensor tensor = at::arange(6).reshape({2, 3}).to(scalar_type(type));
    const TensorView view = view_of(tensor);
    EXPECT_EQ(view.type, type);
    EXPECT_THAT(view.shape, ElementsAre(2, 3));
    EXPECT_TRUE(at::equal(owned_tensor(view), tensor));
    EXPECT_EQ(borrowed_tensor(view).const_data_ptr(), tensor.const_data_ptr());
  }
  EXPECT_THAT(message_of([] { view_of(at::zeros({2, 3}).transpose(0, 1)); }), HasSubstr("dense"));
  EXPECT_THAT(message_of([] { data_type(at::kComplexFloat); }), HasSubstr("cannot be stored"));
  const at::Tensor three = at::zeros({3});
  TensorView lying = view_of(three);
  lying.shape = {4};
  EXPECT_THAT(message_of([&] { owned_tensor(lying); }), HasSubstr("4 elements has 12 bytes"));
}

TEST(Position, ResizedTableKeepsItsSize) {
  const at::Tensor table = absolute_position_table(8, 4).unsqueeze(0);
  EXPECT_TRUE(at::equal(resize_position_table(table, 4), table));
  EXPECT_THAT(resize_position_table(table, 7).sizes(), ElementsAre(1, 49, 8));
  EXPECT_THAT(message_of([] { resize_position_table(at::zeros({1, 12, 8}), 4); }),
              HasSubstr("12 patches are not a square"));
}

}  // namespace
}  // namespace chexworld::test

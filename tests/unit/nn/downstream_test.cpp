// SPDX-License-Identifier: Apache-2.0
#include "base/failure.h"
#include "nn/heads.h"
#include "nn/segmentation.h"
#include "nn/transfer.h"
#include "support/failure_message.h"

#include <c10/core/GradMode.h>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

EncoderConfig small_config(std::int64_t patch_size) {
  EncoderConfig config;
  config.image_size = 4 * patch_size;
  config.patch_size = patch_size;
  config.width = 24;
  config.depth = 2;
  config.heads = 2;
  return config;
}

class DownstreamTest : public testing::Test {
 protected:
  DownstreamTest() { at::manual_seed(8); }
  const c10::NoGradGuard no_gradient_;
};

TEST_F(DownstreamTest, MlpHeadIsTwoLayersOnTheMean) {
  Classifier model(small_config(8), {.kind = head_kind("mlp"), .classes = 3, .mlp_ratio = 0.5});
  model.initialise(2);
  const at::Tensor images = at::randn({2, 3, 32, 32});
  State state;
  for (const NamedTensor& entry : model.state()) state[entry.name] = entry.tensor;
  EXPECT_THAT(state.at("head.fc1.weight").sizes(), ElementsAre(12, 24));
  const at::Tensor hidden =
      at::gelu(at::linear(model.encoder().pooled(images), state.at("head.fc1.weight"), state.at("head.fc1.bias")));
  const at::Tensor expected = at::linear(hidden, state.at("head.fc2.weight"), state.at("head.fc2.bias"));
  EXPECT_TRUE(at::allclose(model(images), expected, 1e-4, 1e-6));
}

TEST_F(DownstreamTest, HeadsRefuseWhatDoesNotFit) {
  EXPECT_THAT(message_of([] { head_kind("forest"); }), HasSubstr("there are: fc, norm_fc, attn, mlp"));
  EXPECT_THAT(message_of([] { make_head({.kind = HeadKind::kAttentive, .classes = 1}, 50); }),
              HasSubstr("12 attention heads"));
  EXPECT_THAT(message_of([] { make_head({.classes = 0}, 48); }), HasSubstr("at least one class"));
}

TEST_F(DownstreamTest, MapsHaveTheirScales) {
  for (const auto& [kind, patch] : {std::pair{PyramidKind::kUnet, 16}, std::pair{PyramidKind::kUnet4, 8}}) {
    SegmentationModel model(small_config(patch), {.pyramid = kind, .classes = 2, .base_channels = 4});
    model.initialise(1);
    const std::int64_t side = 4 * patch;
    const at::Tensor images = at::randn({2, 3, side, side});
    const std::vector<at::Tensor> maps = model.pyramid(images);
    for (std::size_t i = 0; i < maps.size(); ++i)
      EXPECT_THAT(maps[i].sizes(), ElementsAre(2, 8 << i, side >> (i + 1), side >> (i + 1)));
    EXPECT_THAT(model(images).sizes(), ElementsAre(2, 2, side, side));
  }
}

TEST_F(DownstreamTest, SegmentationRefusesWhatDoesNotFit) {
  EXPECT_THAT(message_of([] { SegmentationModel(small_config(8), {}); }), HasSubstr("for patch size 16, not 8"));
  EXPECT_THAT(message_of([] { SegmentationModel(small_config(16), {.layers = {0, 1, 2, -1}}); }),
              HasSubstr("no layer 2"));
  EXPECT_THAT(message_of([] { pyramid_kind("upernet"); }), HasSubstr("there are: unet, unet4"));
}

TEST_F(DownstreamTest, EvaluationLeavesRunningStatisticsAlone) {
  SegmentationModel model(small_config(16), {.base_channels = 4});
  model.initialise(1);
  const auto batches = [&] {
    std::int64_t most = 0;
    for (const NamedTensor& entry : model.state())
      if (entry.name.ends_with("num_batches_tracked")) most = std::max(most, entry.tensor.item<std::int64_t>());
    return most;
  };
  const at::Tensor images = at::randn({2, 3, 64, 64});
  model(images);
  EXPECT_EQ(batches(), 1);
  model.train(false);
  model(images);
  EXPECT_EQ(batches(), 1);
}

TEST_F(DownstreamTest, DiceOfEmptyAndPerfectMasks) {
  const at::Tensor mask = at::zeros({2, 1, 4, 4});
  mask[1].narrow(1, 0, 2).fill_(1);
  const at::Tensor perfect = (mask - 0.5) * 200;
  EXPECT_THAT(hard_dice(perfect, mask).sum().item<float>(), 2.0f);
  EXPECT_NEAR(dice_loss(perfect, mask).item<double>(), 0, 1e-5);
  EXPECT_THAT(hard_dice(-perfect, mask).sum().item<float>(), 0.0f);
}

TEST_F(DownstreamTest, TransferRefusesWhatIsNoEncoder) {
  const State kernel_only{{"patch_embed.proj.weight", at::zeros({8, 3, 4, 4})}};
  EXPECT_THAT(message_of([&] { adapted_encoder_state(kernel_only, small_config(8)); }),
              HasSubstr("pos_embed is missing"));
  State flat = kernel_only;
  flat["pos_embed"] = at::zeros({16, 8});
  EXPECT_THAT(message_of([&] { adapted_encoder_state(flat, small_config(8)); }),
              HasSubstr("2 dimensions instead of 3"));
  State oblong = kernel_only;
  oblong["pos_embed"] = at::zeros({1, 15, 8});
  EXPECT_THAT(message_of([&] { adapted_encoder_state(oblong, small_config(8)); }),
              HasSubstr("15 patches are not a square"));
}

TEST_F(DownstreamTest, ModulesMoveToAnotherTypeInPlace) {
  Classifier model(small_config(8), {.classes = 2});
  model.initialise(3);
  model.train(false);
  const at::Tensor held = model.state().back().tensor;
  const at::Tensor images = at::randn({1, 3, 32, 32});
  const at::Tensor single = model(images);
  model.to(at::kDouble);
  EXPECT_EQ(held.scalar_type(), at::kDouble);
  EXPECT_TRUE(at::allclose(model(images.to(at::kDouble)).to(at::kFloat), single, 1e-4, 1e-6));
}

}  // namespace
}  // namespace chexworld::test

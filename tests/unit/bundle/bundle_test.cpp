// SPDX-License-Identifier: Apache-2.0
#include "bundle/bundle.h"

#include "base/failure.h"
#include "base/file.h"
#include "base/sha256.h"
#include "builders.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using test::Tensors;
using testing::HasSubstr;

BundleConfig config_with_head(BundleHead::Kind kind) {
  BundleConfig config;
  config.encoder = test::tiny_encoder();
  config.head = BundleHead{kind, true, {{"Effusion", 0.25, 1.5, -0.5}, {"No finding", 0.5, 1, 0}}};
  config.preprocessing = {{"crop", 8}};
  config.training = {{"epochs", 3}, {"deep", {{"er", Json::array({1, 2})}}}};
  config.source = BundleSource{"weights.pth", std::string(64, 'a'), "target_encoder", {"a note"}};
  config.domain = BundleDomain{{"PA", "AP"}, {"near-constant"}, BundleDomain::Range{0.25, 0.75}, {}};
  config.evaluation = {{"films", "held out"}};
  config.licence = "CC-BY-4.0";
  return config;
}

Tensors tensors_for(const BundleConfig& config) {
  Tensors tensors(encoder_tensors(config.encoder), "encoder.");
  if (config.head) {
    for (const auto& [name, shape] : head_tensors(*config.head, config.encoder.width)) tensors.add(name, shape);
    if (config.head->kind == BundleHead::Kind::kNormLinear) {
      tensors->erase("encoder.norm.weight");
      tensors->erase("encoder.norm.bias");
    }
  }
  return tensors;
}

class BundleOfKind : public testing::TestWithParam<BundleHead::Kind> {};

TEST_P(BundleOfKind, ReadsBackWhatWasWritten) {
  const test::TemporaryFolder folder;
  const BundleConfig config = config_with_head(GetParam());
  Tensors tensors = tensors_for(config);
  tensors.add("selftest.input", {2, 1, 8, 8});
  tensors.add("selftest.embedding", {2, 8});
  tensors.values("selftest.embedding")[3] = 7;
  write_bundle(folder / "b.safetensors", config, tensors.views());

  const Bundle bundle = Bundle::open(folder / "b.safetensors");
  EXPECT_EQ(to_json(bundle.config()), to_json(config));
  EXPECT_EQ(bundle.config().encoder, config.encoder);
  EXPECT_EQ(bundle.config().head, config.head);
  EXPECT_EQ(bundle.config().domain, config.domain);
  EXPECT_EQ(bundle.head().size(), head_tensors(*config.head, 8).size());
  EXPECT_TRUE(bundle.encoder().contains("blocks.1.mlp.fc2.weight"));
  ASSERT_TRUE(bundle.self_test());
  EXPECT_EQ(bundle.self_test()->embedding.shape, (std::vector<std::int64_t>{2, 8}));
  EXPECT_EQ(bundle.model_id(), to_hex(sha256(read_file(folder / "b.safetensors"))));
}

INSTANTIATE_TEST_SUITE_P(Heads, BundleOfKind,
                         testing::Values(BundleHead::Kind::kLinear, BundleHead::Kind::kNormLinear,
                                         BundleHead::Kind::kAttentive, BundleHead::Kind::kMlp));

TEST(Bundle, WithoutHeadAndSelfTest) {
  const test::TemporaryFolder folder;
  BundleConfig config;
  config.encoder = test::tiny_encoder();
  config.encoder.qkv_bias = false;
  write_bundle(folder / "b", config, tensors_for(config).views());
  const Bundle bundle = Bundle::open(folder / "b");
  EXPECT_TRUE(bundle.head().empty());
  EXPECT_FALSE(bundle.self_test());
  EXPECT_FALSE(bundle.encoder().contains("blocks.0.attn.qkv.bias"));
}

TEST(Bundle, InspectTellsWhatItIs) {
  const test::TemporaryFolder folder;
  const BundleConfig config = config_with_head(BundleHead::Kind::kLinear);
  write_bundle(folder / "b", config, tensors_for(config).views());
  const BundleInfo info = inspect_bundle(folder / "b").value();
  EXPECT_EQ(info.architecture, "");
  EXPECT_EQ(info.image_size, 8);
  EXPECT_EQ(info.width, 8);
  EXPECT_EQ(info.head, config.head);
  EXPECT_FALSE(info.has_self_test);
  EXPECT_EQ(info.licence, "CC-BY-4.0");
  // position table, patch kernel, two blocks, norm, head
  const std::int64_t block = 4 * 8 + (24 * 8 + 24) + (8 * 8 + 8) + (12 * 8 + 12) + (8 * 12 + 8);
  EXPECT_EQ(info.parameters, 4 * 8 + 8 * 16 + 8 + 2 * block + 16 + 2 * 8 + 2);
  EXPECT_EQ(inspect_bundle(folder / "none").error().code(), ErrorCode::kNotFound);
}

TEST(Bundle, WritingRefusesTensorsThatDoNotFitAndWritesNothing) {
  const test::TemporaryFolder folder;
  const BundleConfig config = config_with_head(BundleHead::Kind::kLinear);
  Tensors tensors = tensors_for(config);
  tensors->erase("head.bias");
  const auto result = capture([&] { write_bundle(folder / "b", config, tensors.views()); });
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.error().message(), HasSubstr("tensor 'head.bias' is missing"));
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
}

TEST(Bundle, NamedArchitectures) {
  for (const char* name : {"vit_tiny", "vit_small", "vit_base", "vit_large", "vit_huge", "vit_giant"}) {
    const EncoderShape shape = named_architecture(name);
    EXPECT_EQ(architecture_name(shape), name);
    EXPECT_EQ(usual_heads(shape.width), shape.heads);
    EXPECT_EQ(encoder_shape_from(ConfigReader(to_json(shape), "x")), shape) << "MLP width survives as a ratio";
  }
  EXPECT_EQ(usual_heads(100), 0);
  const auto result = capture([] { named_architecture("vit_gigantic"); });
  EXPECT_THAT(result.error().message(), HasSubstr("vit_giant"));
}

}  // namespace
}  // namespace chexworld

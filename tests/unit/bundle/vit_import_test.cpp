// SPDX-License-Identifier: Apache-2.0
//
// Finding and renaming encoders. Every case starts from a dictionary of good tensors and changes something.
#include "bundle/vit_import.h"

#include "base/failure.h"
#include "builders.h"
#include "bundle/bundle.h"
#include "bundle/convert.h"

#include <gmock/gmock.h>
#include <limits>

namespace chexworld {
namespace {

using test::Tensors;
using testing::HasSubstr;

WeightSource source_of(const Tensors& tensors) {
  WeightSource source;
  source.origin = "some.pth";
  for (const auto& [name, view] : tensors.views()) source.tensors[name] = {view.type, view.shape};
  source.view = [views = tensors.views()](const std::string& name) { return views.at(name); };
  return source;
}

void add_encoder(Tensors& tensors, const std::string& prefix, float mark = 1) {
  for (const auto& [name, shape] : encoder_tensors(test::tiny_encoder())) tensors.add(prefix + name, shape);
  tensors.values(prefix + "norm.bias")[0] = mark;
}

ImportOptions options() {
  ImportOptions options;
  options.heads = 2;
  return options;
}

float mark_of(const ImportedModel& model) { return to_floats(model.tensors.at("encoder.norm.bias"))[0]; }

std::string refusal(const Tensors& tensors, const ImportOptions& wanted, ErrorCode code) {
  const WeightSource source = source_of(tensors);
  const auto result = capture([&] { return import_vision_transformer(source, wanted); });
  if (result.ok()) return "(accepted)";
  EXPECT_EQ(name_of(result.error().code()), name_of(code)) << result.error().message();
  EXPECT_THAT(result.error().message(), HasSubstr("some.pth: "));
  return result.error().message();
}

class ImportPrefix : public testing::TestWithParam<const char*> {};

TEST_P(ImportPrefix, IsFoundWhateverItIs) {
  Tensors tensors;
  add_encoder(tensors, GetParam(), 5);
  const WeightSource source = source_of(tensors);
  const ImportedModel model = import_vision_transformer(source, options());
  EXPECT_EQ(model.encoder, test::tiny_encoder());
  EXPECT_EQ(mark_of(model), 5);
  EXPECT_EQ(model.tensors.size(), encoder_tensors(model.encoder).size());
  EXPECT_TRUE(model.notes.empty());
}

INSTANTIATE_TEST_SUITE_P(Prefixes, ImportPrefix,
                         testing::Values("", "model.", "state_dict.", "encoder.", "target_encoder.", "module.",
                                         "model.target_encoder.", "encoder.module.", "target_encoder.module.backbone.",
                                         "model.feature_model.", "checkpoint.state_dict.module.encoder."));

TEST(Import, TargetEncoderUnlessAskedOtherwise) {
  Tensors tensors;
  add_encoder(tensors, "model.encoder.", 1);
  add_encoder(tensors, "model.target_encoder.", 2);
  tensors.add("model.predictor.mask_token", {1, 1, 8});
  const WeightSource source = source_of(tensors);
  ImportOptions wanted = options();
  const ImportedModel model = import_vision_transformer(source, wanted);
  EXPECT_EQ(mark_of(model), 2);
  EXPECT_EQ(model.component, "model.target_encoder");
  EXPECT_THAT(model.notes, testing::ElementsAre(HasSubstr("'model.predictor'")));
  wanted.component = ImportOptions::Component::kContext;
  EXPECT_EQ(mark_of(import_vision_transformer(source, wanted)), 1);
  wanted.component = ImportOptions::Component::kTarget;
  EXPECT_EQ(mark_of(import_vision_transformer(source, wanted)), 2);
}

TEST(Import, MissingOrAmbiguousEncoderIsExplained) {
  Tensors tensors;
  ImportOptions wanted = options();
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kUnsupported), HasSubstr("has no vision transformer"));
  add_encoder(tensors, "student.");
  wanted.component = ImportOptions::Component::kTarget;
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kInvalidArgument),
              HasSubstr("has no target encoder; there is 'student'"));
  add_encoder(tensors, "teacher.");
  wanted.component = ImportOptions::Component::kAutomatic;
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kInvalidArgument),
              HasSubstr("several encoders: 'student', 'teacher'"));
}

TEST(Import, HeadsAreNeverGuessed) {
  Tensors tensors;
  add_encoder(tensors, "");
  EXPECT_THAT(refusal(tensors, {}, ErrorCode::kInvalidArgument), HasSubstr("--num-heads"));
  ImportOptions wanted;
  wanted.heads = 3;
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kInvalidArgument), HasSubstr("3 heads do not divide the width of 8"));
  wanted.architecture = "vit_base";
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kInvalidArgument), HasSubstr("is not a vit_base: its width is 8"));
  wanted.architecture = "resnet50";
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kInvalidArgument), HasSubstr("no architecture 'resnet50'"));
}

TEST(Import, NarrowTypesBecomeFloats) {
  Tensors tensors;
  add_encoder(tensors, "");
  const std::vector<std::uint16_t> halves{0x3c00, 0xc000, 0, 0, 0, 0, 0, 0x0001};
  const std::vector<double> doubles{1, 2, 3, 4, 5, 6, 7, 8};
  (*tensors.operator->())["norm.bias"] = test::view_of(DataType::kF16, {8}, halves);
  (*tensors.operator->())["norm.weight"] = test::view_of(DataType::kF64, {8}, doubles);
  const WeightSource source = source_of(tensors);
  const ImportedModel model = import_vision_transformer(source, options());
  EXPECT_EQ(model.tensors.at("encoder.norm.bias").type, DataType::kF32);
  EXPECT_THAT(to_floats(model.tensors.at("encoder.norm.bias")), testing::ElementsAre(1, -2, 0, 0, 0, 0, 0, 0x1p-24f));
  EXPECT_THAT(to_floats(model.tensors.at("encoder.norm.weight")), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(Import, WithoutQkvBias) {
  Tensors tensors;
  add_encoder(tensors, "");
  for (const char* name : {"blocks.0.attn.qkv.bias", "blocks.1.attn.qkv.bias"}) tensors->erase(name);
  const WeightSource source = source_of(tensors);
  EXPECT_FALSE(import_vision_transformer(source, options()).encoder.qkv_bias);
  tensors.add("blocks.1.attn.qkv.bias", {24});
  EXPECT_THAT(refusal(tensors, options(), ErrorCode::kUnsupported), HasSubstr("'blocks.1.attn.qkv.bias' has no place"));
}

TEST(Import, ClassTokenIsRefusedUnlessDropped) {
  Tensors tensors;
  add_encoder(tensors, "");
  tensors.add("cls_token", {1, 1, 8});
  tensors.add("pos_embed", {1, 5, 8});
  tensors.values("pos_embed")[8] = 9;  // of the first patch
  tensors.add("head.weight", {3, 8});
  tensors.add("head.bias", {3});
  ImportOptions wanted = options();
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kUnsupported), HasSubstr("--drop-class-token"));
  wanted.drop_class_token = true;
  const WeightSource source = source_of(tensors);
  const ImportedModel model = import_vision_transformer(source, wanted);
  EXPECT_EQ(model.tensors.at("encoder.pos_embed").shape, (std::vector<std::int64_t>{1, 4, 8}));
  EXPECT_EQ(to_floats(model.tensors.at("encoder.pos_embed"))[0], 9);
  EXPECT_FALSE(model.head) << "it looks at the class token";
  EXPECT_THAT(model.notes, testing::Contains(HasSubstr("class token dropped")));
}

TEST(Import, ClassTokenWithATableForPatchesOnly) {
  Tensors tensors;
  add_encoder(tensors, "");
  tensors.add("cls_token", {1, 1, 8});
  EXPECT_THAT(refusal(tensors, options(), ErrorCode::kUnsupported), HasSubstr("class token"));
  ImportOptions wanted = options();
  wanted.drop_class_token = true;
  const WeightSource source = source_of(tensors);
  EXPECT_EQ(import_vision_transformer(source, wanted).encoder, test::tiny_encoder());
}

TEST(Import, OtherKindsOfTransformerAreRefused) {
  for (const char* name :
       {"reg_token", "register_tokens", "mask_token", "norm_pre.weight", "fc_norm.weight", "blocks.0.ls1.gamma",
        "blocks.1.attn.q_norm.weight", "patch_embed.norm.weight", "rope.freqs"}) {
    Tensors tensors;
    add_encoder(tensors, "model.");
    tensors.add(std::string("model.") + name, {8});
    EXPECT_THAT(refusal(tensors, options(), ErrorCode::kUnsupported), HasSubstr(name));
  }
}

TEST(Import, DamagedEncodersAreRefused) {
  const auto refused = [](ErrorCode code, const std::function<void(Tensors&)>& spoil) {
    Tensors tensors;
    add_encoder(tensors, "");
    spoil(tensors);
    return refusal(tensors, options(), code);
  };
  using enum ErrorCode;
  EXPECT_THAT(refused(kMalformed, [](auto& t) { t->erase("blocks.1.norm1.weight"); }),
              HasSubstr("'blocks.1.norm1.weight' is missing"));
  EXPECT_THAT(refused(kMalformed, [](auto& t) { t.add("blocks.3.norm1.weight", {8}); }), HasSubstr("without a gap"));
  EXPECT_THAT(refused(kUnsupported, [](auto& t) { t.add("blocks.x.norm1.weight", {8}); }), HasSubstr("blocks.x"));
  EXPECT_THAT(refused(kMalformed, [](auto& t) { t.add("norm.bias", {9}); }), HasSubstr("'norm.bias' is [9]"));
  EXPECT_THAT(refused(kUnsupported, [](auto& t) { t.add("pos_embed", {1, 7, 8}); }), HasSubstr("no square grid"));
  EXPECT_THAT(refused(kMalformed, [](auto& t) { t.add("pos_embed", {1, 4, 9}); }),
              HasSubstr("'pos_embed' is [1, 4, 9]"));
  EXPECT_THAT(refused(kMalformed, [](auto& t) { t->erase("pos_embed"); }), HasSubstr("'pos_embed' is missing"));
  EXPECT_THAT(refused(kUnsupported, [](auto& t) { t.add("patch_embed.proj.weight", {8, 1, 4, 3}); }),
              HasSubstr("patch kernel"));
  EXPECT_THAT(refused(kUnsupported, [](auto& t) { (*t.operator->())["norm.bias"].type = DataType::kI32; }),
              HasSubstr("type I32"));
  EXPECT_THAT(refused(kMalformed, [](auto& t) { t.values("norm.bias")[2] = std::numeric_limits<float>::quiet_NaN(); }),
              HasSubstr("'norm.bias' holds infinities or NaN"));
}

TEST(Import, ValuesThatWereNotReadWithinTheEncoderAreRefused) {
  Tensors tensors;
  add_encoder(tensors, "model.");
  WeightSource source = source_of(tensors);
  source.skipped = {{"model.blocks.0.attn.qkv.scale", "torchao.quantization.Scale", false}};
  auto result = capture([&] { return import_vision_transformer(source, options()); });
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message(), HasSubstr("would have to be made by 'torchao.quantization.Scale'"));
  source.skipped = {{"args", "argparse.Namespace", false}, {"model._extra_state", "x.y", false}};
  EXPECT_TRUE(capture([&] { return import_vision_transformer(source, options()); }).ok());
}

TEST(Import, WholePickledModelIsExplained) {
  WeightSource source;
  source.origin = "some.pth";
  source.skipped = {{"model", "models.VisionTransformer", true}};
  const auto result = capture([&] { return import_vision_transformer(source, {}); });
  EXPECT_THAT(result.error().message(), HasSubstr("inside of 'model', an object of type 'models.VisionTransformer'"));
}

class ImportHead : public testing::TestWithParam<BundleHead::Kind> {};

TEST_P(ImportHead, ComesWithItsLabelsAndMakesABundle) {
  BundleHead head{GetParam(), false, {{"a", 0.5, 1, 0}, {"b", 0.5, 1, 0}}};
  Tensors tensors;
  add_encoder(tensors, "model.feature_model.");
  for (const auto& [name, shape] : head_tensors(head, 8)) tensors.add("model." + name, shape);
  if (GetParam() == BundleHead::Kind::kNormLinear) {
    tensors->erase("model.feature_model.norm.weight");
    tensors->erase("model.feature_model.norm.bias");
  }
  ImportOptions wanted = options();
  wanted.labels = {"a", "b"};
  const WeightSource source = source_of(tensors);
  const ImportedModel model = import_vision_transformer(source, wanted);
  EXPECT_EQ(model.head, head);
  EXPECT_EQ(model.tensors.size(), tensors.views().size());
  wanted.labels = {"a"};
  EXPECT_THAT(refusal(tensors, wanted, ErrorCode::kInvalidArgument), HasSubstr("2 outputs, but 1 labels"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ImportHead,
                         testing::Values(BundleHead::Kind::kLinear, BundleHead::Kind::kNormLinear,
                                         BundleHead::Kind::kAttentive, BundleHead::Kind::kMlp));

TEST(Import, HeadThatDoesNotFitIsLeftOutWithANote) {
  Tensors tensors;
  add_encoder(tensors, "");
  tensors.add("head.weight", {3, 9});
  const WeightSource source = source_of(tensors);
  const ImportedModel model = import_vision_transformer(source, options());
  EXPECT_FALSE(model.head);
  EXPECT_THAT(model.notes, testing::Contains(HasSubstr("[3, 9] left out")));
}

}  // namespace
}  // namespace chexworld

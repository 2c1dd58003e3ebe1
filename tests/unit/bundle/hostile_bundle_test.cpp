// SPDX-License-Identifier: Apache-2.0
//
// Bundles that are good safetensors files and must be refused all the same.
#include "base/file.h"
#include "builders.h"
#include "bundle/bundle.h"
#include "support/temporary_folder.h"

#include <gmock/gmock.h>

namespace chexworld {
namespace {

using test::Hostile;
using test::Tensors;

BundleConfig tiny_config() {
  BundleConfig config;
  config.encoder = test::tiny_encoder();
  config.head = BundleHead{BundleHead::Kind::kLinear, false, {{"Effusion", 0.5, 1, 0}}};
  return config;
}

Tensors tiny_tensors() {
  Tensors tensors(encoder_tensors(test::tiny_encoder()), "encoder.");
  tensors.add("head.weight", {1, 8});
  tensors.add("head.bias", {1});
  return tensors;
}

std::string file_text(const Tensors& tensors, const TextMap& metadata) {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "a", tensors.views(), metadata);
  const std::vector<std::byte> bytes = read_file(folder / "a");
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TextMap good_metadata() { return {{"chexworld.format", "1"}, {"chexworld.config", to_json(tiny_config()).dump()}}; }

std::string with_config_text(const std::string& text) {
  return file_text(tiny_tensors(), {{"chexworld.format", "1"}, {"chexworld.config", text}});
}

std::string with_config(const std::function<void(Json&)>& spoil) {
  Json json = to_json(tiny_config());
  spoil(json);
  return with_config_text(json.dump());
}

std::string with_tensors(const std::function<void(Tensors&)>& spoil) {
  Tensors tensors = tiny_tensors();
  spoil(tensors);
  return file_text(tensors, good_metadata());
}

std::vector<Hostile> files() {
  using enum ErrorCode;
  return {
      {"NoMetadata", file_text(tiny_tensors(), {}), kMalformed, "is no bundle"},
      {"NoConfig", file_text(tiny_tensors(), {{"chexworld.format", "1"}}), kMalformed, "is no bundle"},
      {"LaterFormat", file_text(tiny_tensors(), {{"chexworld.format", "2"}, {"chexworld.config", "{}"}}), kUnsupported,
       "bundle format '2'"},
      {"ConfigNotJson", with_config_text("{,}"), kMalformed, "not valid JSON"},
      {"ConfigIsAList", with_config_text("[]"), kMalformed, "not an object"},
      {"ConfigNestingBomb", with_config_text(std::string(500'000, '[')), kMalformed, "nested more than 32 deep"},
      {"ConfigOver1Megabyte", with_config_text("{\"a\":\"" + std::string(1 << 20, 'x') + "\"}"), kTooLarge, "1 MB"},
      {"UnknownKey", with_config([](Json& j) { j["licens"] = ""; }), kMalformed, "did you mean 'licence'"},
      {"UnknownEncoderKey", with_config([](Json& j) { j["encoder"]["cls_token"] = true; }), kMalformed, "'cls_token'"},
      {"NoEncoder", with_config([](Json& j) { j.erase("encoder"); }), kMalformed, "'encoder' is missing"},
      {"NoWidth", with_config([](Json& j) { j["encoder"].erase("width"); }), kMalformed, "'width' is missing"},
      {"NegativeDepth", with_config([](Json& j) { j["encoder"]["depth"] = -2; }), kMalformed, "'depth' must be"},
      {"ZeroPatch", with_config([](Json& j) { j["encoder"]["patch_size"] = 0; }), kMalformed, "'patch_size' must be"},
      {"PatchDoesNotDivide", with_config([](Json& j) { j["encoder"]["patch_size"] = 3; }), kMalformed,
       "not a multiple of patch_size"},
      {"HeadsDoNotDivide", with_config([](Json& j) { j["encoder"]["heads"] = 3; }), kMalformed, "multiple of heads"},
      {"DepthBomb", with_config([](Json& j) { j["encoder"]["depth"] = 1000; }), kMalformed, "announces 1000 blocks"},
      {"DepthOver1024", with_config([](Json& j) { j["encoder"]["depth"] = 60000; }), kMalformed,
       "more than 1024 blocks"},
      {"WidthLies", with_config([](Json& j) { j["encoder"]["width"] = 12; }), kMalformed, "its configuration says"},
      {"MlpRatioLies", with_config([](Json& j) { j["encoder"]["mlp_ratio"] = 4; }), kMalformed, "mlp.fc1"},
      {"HeadKind", with_config([](Json& j) { j["head"]["kind"] = "rnn"; }), kMalformed, "one of fc, norm_fc, attn"},
      {"NoLabels", with_config([](Json& j) { j["head"]["labels"] = Json::array(); }), kMalformed, "'labels' must name"},
      {"LabelIsText", with_config([](Json& j) { j["head"]["labels"][0] = "Effusion"; }), kMalformed, "labels[0]"},
      {"LabelWithoutName", with_config([](Json& j) { j["head"]["labels"][0].erase("name"); }), kMalformed,
       "a label has no name"},
      {"ThresholdAboveOne", with_config([](Json& j) { j["head"]["labels"][0]["threshold"] = 1.5; }), kMalformed,
       "'threshold' must be"},
      {"LabelCountLies", with_config([](Json& j) { j["head"]["labels"].push_back(j["head"]["labels"][0]); }),
       kMalformed, "tensor 'head.bias' is [1], its configuration says [2]"},
      {"DomainOfAnUnknownView", with_config([](Json& j) { j["domain"]["views"] = {"PA", "oblique"}; }), kMalformed,
       "'views' are PA, AP"},
      {"DomainViewsAreText", with_config([](Json& j) { j["domain"]["views"] = "PA"; }), kMalformed, "'views' must be"},
      {"DomainUnknownKey", with_config([](Json& j) { j["domain"]["ages"] = {"adult"}; }), kMalformed, "'ages'"},
      {"DomainRangeBackwards",
       with_config([](Json& j) { j["domain"]["brightness"] = {{"least", 0.9}, {"most", 0.1}}; }), kMalformed,
       "'brightness' ends before it begins"},
      {"DomainRangeBeyondOne", with_config([](Json& j) { j["domain"]["contrast"] = {{"most", 7}}; }), kMalformed,
       "'most' must be"},
      {"DomainRangeIsANumber", with_config([](Json& j) { j["domain"]["contrast"] = 0.5; }), kMalformed, "contrast"},
      {"DomainOfManyNotes",
       with_config([](Json& j) { j["domain"]["refused_quality"] = std::vector<std::string>(65, "too-small"); }),
       kMalformed, "more than 64"},
      {"PreprocessingIsText", with_config([](Json& j) { j["preprocessing"] = "usual"; }), kMalformed, "preprocessing"},
      {"MissingTensor", with_tensors([](Tensors& t) { t->erase("encoder.blocks.1.norm2.bias"); }), kMalformed,
       "tensor 'encoder.blocks.1.norm2.bias' is missing"},
      {"ExtraTensor", with_tensors([](Tensors& t) { t.add("encoder.cls_token", {1, 1, 8}); }), kMalformed,
       "tensor 'encoder.cls_token' belongs to nothing"},
      {"IntegerWeights", with_tensors([](Tensors& t) { (*t.operator->())["head.bias"].type = DataType::kI32; }),
       kMalformed, "of type I32"},
      {"HalfASelfTest", with_tensors([](Tensors& t) { t.add("selftest.input", {1, 1, 8, 8}); }), kMalformed,
       "one of selftest.input and selftest.embedding is missing"},
      {"SelfTestOfAnotherWidth", with_tensors([](Tensors& t) {
         t.add("selftest.input", {1, 1, 8, 8});
         t.add("selftest.embedding", {1, 7});
       }),
       kMalformed, "the self-test does not fit"},
      {"SelfTestWithoutImages", with_tensors([](Tensors& t) {
         t.add("selftest.input", {0, 1, 8, 8});
         t.add("selftest.embedding", {0, 8});
       }),
       kMalformed, "the self-test does not fit"},
  };
}

class HostileBundle : public testing::TestWithParam<Hostile> {};

TEST_P(HostileBundle, IsRefused) {
  test::expect_refused(GetParam(), "model.safetensors", [](std::string_view bytes) {
    Bundle(SafetensorsFile::from_bytes(test::bytes_of(bytes), "model.safetensors"));
  });
}

INSTANTIATE_TEST_SUITE_P(Files, HostileBundle, testing::ValuesIn(files()),
                         [](const auto& file) { return file.param.name; });

TEST(HostileBundles, TheUnspoiltOneIsGood) {
  const std::string text = with_config([](Json&) {});
  EXPECT_EQ(Bundle(SafetensorsFile::from_bytes(test::bytes_of(text), "x")).config().encoder, test::tiny_encoder());
}

}  // namespace
}  // namespace chexworld

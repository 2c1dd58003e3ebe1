// SPDX-License-Identifier: Apache-2.0
//
// `chexworld model` as typed: a checkpoint comes in, its bundle goes out, and no bad file gets through.
#include "base/config.h"
#include "base/file.h"
#include "bundle/bundle.h"
#include "bundle/convert.h"
#include "support/process.h"
#include "support/temporary_folder.h"
#include "support/test_data.h"
#include "support/torch_file.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>

namespace chexworld::test {
namespace {

using testing::HasSubstr;

Finished model(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {CHEXWORLD_PROGRAM, "model"});
  return run(arguments);
}

constexpr EncoderShape kTiny{
    .image_size = 16, .patch_size = 8, .channels = 3, .width = 8, .depth = 2, .heads = 2, .mlp_width = 32};

using NamedShapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

/// A checkpoint with these tensors below "model", filled with numbers, and an object that nobody makes.
std::string checkpoint_with(const NamedShapes& shapes) {
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<TorchStorage> storages;
  for (const auto& [name, shape] : shapes) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) count *= std::size_t(extent);
    const std::string key = std::to_string(storages.size());
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = 0.1f * std::sin(float(i + 7 * storages.size()));
    storages.push_back({key, {reinterpret_cast<const char*>(values.data()), count * sizeof(float)}});
    items.emplace_back(name, pickle::dense(key, shape));
  }
  const std::string arguments = pickle::global("argparse", "Namespace") + pickle::tuple({}) + "\x81";
  return torch_zip(pickle::whole(pickle::dictionary({{"model", pickle::dictionary(items)}, {"args", arguments}})),
                   storages);
}

/// As the pre-training program writes it.
std::string tiny_checkpoint() {
  NamedShapes shapes;
  for (const char* part : {"encoder.", "target_encoder."}) {
    for (const auto& [name, shape] : encoder_tensors(kTiny)) shapes.emplace_back(part + name, shape);
  }
  return checkpoint_with(shapes);
}

class ModelCommand : public testing::Test {
 protected:
  void SetUp() override { write_file_atomically(folder_ / "tiny.pth", tiny_checkpoint()); }
  std::string at(std::string_view name) const { return (folder_ / name).string(); }
  TemporaryFolder folder_;
};

TEST_F(ModelCommand, ImportInfoExport) {
  const Finished imported =
      model({"import", at("tiny.pth"), "--num-heads", "2", "--licence", "CC0", "-o", at("b.safetensors")});
  ASSERT_EQ(imported.exit_status, 0) << imported.output;
  EXPECT_THAT(imported.output, HasSubstr("'model.target_encoder'"));

  const Bundle bundle = Bundle::open(at("b.safetensors"));
  EXPECT_EQ(bundle.config().encoder, kTiny);
  EXPECT_EQ(bundle.config().source->file, "tiny.pth");
  EXPECT_EQ(bundle.config().preprocessing.at("crop"), 16);
  EXPECT_EQ(bundle.self_test().has_value(), bool(CHEXWORLD_EXPECT_TORCH));
  EXPECT_FALSE(std::filesystem::exists(at("b.safetensors.selftest")));

  const Finished info = model({"info", at("b.safetensors"), "--json"});
  ASSERT_EQ(info.exit_status, 0) << info.output;
  const Json facts = Json::parse(info.output);
  EXPECT_EQ(facts.at("model_id"), bundle.model_id());
  EXPECT_EQ(facts.at("config").at("licence"), "CC0");
  EXPECT_THAT(model({"info", at("b.safetensors")}).output, HasSubstr(bundle.model_id()));

  ASSERT_EQ(model({"export", at("b.safetensors"), "-o", at("plain.safetensors")}).exit_status, 0);
  const SafetensorsFile plain = SafetensorsFile::open(at("plain.safetensors"));
  EXPECT_EQ(plain.tensors().size(), encoder_tensors(kTiny).size());
  EXPECT_EQ(to_floats(plain.at("blocks.1.mlp.fc2.weight")), to_floats(bundle.encoder().at("blocks.1.mlp.fc2.weight")));
  EXPECT_EQ(model({"export", at("b.safetensors"), "--component", "head", "-o", at("h")}).exit_status, 1);
}

TEST_F(ModelCommand, TheSameCheckpointMakesTheSameModelId) {
  for (const char* name : {"1", "2"})
    ASSERT_EQ(model({"import", at("tiny.pth"), "--num-heads", "2", "-o", at(name)}).exit_status, 0);
  EXPECT_EQ(read_file(at("1")), read_file(at("2")));
}

TEST_F(ModelCommand, ExportedWeightsCanBeImportedAgain) {
  ASSERT_EQ(model({"import", at("tiny.pth"), "--num-heads", "2", "--context-encoder", "-o", at("b")}).exit_status, 0);
  ASSERT_EQ(model({"export", at("b"), "-o", at("plain.safetensors")}).exit_status, 0);
  ASSERT_EQ(model({"import", at("plain.safetensors"), "--num-heads", "2", "-o", at("again")}).exit_status, 0);
  const Bundle first = Bundle::open(at("b"));
  const Bundle again = Bundle::open(at("again"));
  for (const auto& [name, tensor] : first.encoder())
    EXPECT_EQ(to_floats(tensor), to_floats(again.encoder().at(name))) << name;
}

TEST_F(ModelCommand, HeadInPlaceOfTheFinalNorm) {
  NamedShapes shapes;
  for (const auto& [name, shape] : encoder_tensors(kTiny)) {
    if (!name.starts_with("norm.")) shapes.emplace_back("feature_model." + name, shape);
  }
  const BundleHead head{BundleHead::Kind::kNormLinear, false, {{"a", 0.5, 1, 0}, {"b", 0.5, 1, 0}}};
  for (const auto& [name, shape] : head_tensors(head, kTiny.width)) shapes.emplace_back(name, shape);
  write_file_atomically(at("tuned.pth"), checkpoint_with(shapes));
  const Finished imported = model({"import", at("tuned.pth"), "--num-heads", "2", "--labels", "a,b", "-o", at("b")});
  ASSERT_EQ(imported.exit_status, 0) << imported.output;
  const Bundle bundle = Bundle::open(at("b"));
  EXPECT_EQ(bundle.config().head, head);
  EXPECT_EQ(bundle.self_test().has_value(), bool(CHEXWORLD_EXPECT_TORCH));
}

TEST_F(ModelCommand, RefusalsAreOneLineAndLeaveNothingBehind) {
  write_file_atomically(at("text.pth"), "not a checkpoint");
  const auto refused = [&](std::vector<std::string> arguments, int status, const std::string& part) {
    arguments.insert(arguments.begin(), "import");
    arguments.insert(arguments.end(), {"-o", at("out.safetensors")});
    const Finished finished = model(arguments);
    EXPECT_EQ(finished.exit_status, status) << finished.output;
    EXPECT_THAT(finished.output, HasSubstr(part));
    EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\n'), 1) << finished.output;
    EXPECT_FALSE(std::filesystem::exists(at("out.safetensors")));
  };
  refused({at("none.pth")}, 1, "none.pth");
  refused({at("text.pth")}, 1, "neither a zip nor a pickle");
  refused({at("tiny.pth")}, 2, "--num-heads");
  refused({at("tiny.pth"), "--arch", "vit_base"}, 2, "is not a vit_base");
  refused({at("tiny.pth"), "--num-heads", "2", "--image-size", "20"}, 2, "not a multiple of the patch size");
  refused({at("tiny.pth"), "--target-encoder", "--context-encoder"}, 2, "xcludes");
  EXPECT_EQ(model({"info", at("text.pth")}).exit_status, 1);
  EXPECT_EQ(model({"export", at("tiny.pth"), "-o", at("out.safetensors")}).exit_status, 1);
  EXPECT_EQ(model({}).exit_status, 2);
}

/// Every checkpoint of the reference that the training programs wrote, end to end.
TEST_F(ModelCommand, ReferenceCheckpointsBecomeBundles) {
  if (!have_reference()) GTEST_SKIP() << "no reference folder at " << reference_dir();
  const Json facts = read_config_file(reference_dir() / "checkpoint.json");
  const std::string heads = std::to_string(facts.at("encoder").at("num_heads").get<int>());
  std::size_t covered = 0;
  for (const auto& [role, file] : facts.at("files").items()) {
    const std::string path = (reference_dir() / file.get<std::string>()).string();
    const Finished imported = model({"import", path, "--num-heads", heads, "-o", at(role)});
    ASSERT_EQ(imported.exit_status, 0) << role << ": " << imported.output;
    const Bundle bundle = Bundle::open(at(role));
    EXPECT_EQ(bundle.config().encoder.width, facts.at("encoder").at("embed_dim")) << role;
    EXPECT_EQ(bundle.config().encoder.depth, facts.at("encoder").at("depth")) << role;
    EXPECT_EQ(bundle.config().encoder.image_size, facts.at("encoder").at("img_size")) << role;
    EXPECT_EQ(bundle.config().head.has_value(), role == "finetuned") << role;
    if (bundle.config().head) {
      EXPECT_EQ(bundle.config().head->labels.size(), facts.at("finetuned").at("num_classes").get<std::size_t>());
    }
    ++covered;
  }
  report_coverage("checkpoint files made into bundles", covered, facts.at("files").size());
}

}  // namespace
}  // namespace chexworld::test

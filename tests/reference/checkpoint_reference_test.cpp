// SPDX-License-Identifier: Apache-2.0
//
// Reference item 12, checkpoint: every file of it, tensor for tensor. What needs a forward pass is tested elsewhere.
#include "base/config.h"
#include "bundle/checkpoint.h"
#include "bundle/convert.h"
#include "bundle/safetensors.h"
#include "support/test_data.h"

#include <cstring>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

using testing::SizeIs;
using testing::StartsWith;

/// The bits that an element has after rounding from f32 to `type`.
std::vector<std::byte> rounded(const TensorView& reference, DataType type) {
  if (type == reference.type) return {reference.bytes.begin(), reference.bytes.end()};
  std::vector<std::byte> bytes;
  for (const float value : to_floats(reference)) {
    const std::uint16_t narrow = type == DataType::kF16 ? half_from_float(value) : bfloat16_from_float(value);
    const auto part = std::as_bytes(std::span(&narrow, 1));
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

class CheckpointReference : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::have_reference()) GTEST_SKIP() << "no reference folder at " << test::reference_dir();
    facts_ = read_config_file(test::reference_dir() / "checkpoint.json");
    numbers_.emplace(SafetensorsFile::open(test::reference_dir() / "checkpoint.safetensors"));
  }

  Checkpoint open(const std::string& role) const {
    return Checkpoint::open(test::reference_dir() / facts_.at("files").at(role).get<std::string>());
  }

  /// The names below `prefix` in the reference file, without it.
  std::vector<std::string> reference_names(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : numbers_->tensors()) {
      if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
    }
    return names;
  }

  void expect_equal(Checkpoint& checkpoint, const std::string& name, const std::string& reference_name, DataType type) {
    const CheckpointTensor* tensor = checkpoint.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    const TensorView& reference = numbers_->at(reference_name);
    EXPECT_EQ(tensor->type, type) << name;
    EXPECT_EQ(tensor->shape, reference.shape) << name;
    const TensorView view = checkpoint.view(*tensor);
    const std::vector<std::byte> expected = rounded(reference, type);
    ASSERT_EQ(view.bytes.size(), expected.size()) << name;
    EXPECT_EQ(std::memcmp(view.bytes.data(), expected.data(), expected.size()), 0) << name;
    ++compared_;
  }

  /// All tensors below "model." are those of `group` in the reference, no more and no fewer.
  void expect_model(const std::string& role, const std::string& group, DataType type) {
    SCOPED_TRACE(role);
    Checkpoint checkpoint = open(role);
    const std::vector<std::string> names = reference_names(group + "/");
    ASSERT_FALSE(names.empty());
    for (const std::string& name : names) expect_equal(checkpoint, "model." + name, group + "/" + name, type);
    std::size_t in_file = 0;
    for (const CheckpointTensor& tensor : checkpoint.tensors()) in_file += tensor.name.starts_with("model.");
    EXPECT_EQ(in_file, names.size());
  }

  void expect_optimizer(const std::string& role) {
    SCOPED_TRACE(role);
    Checkpoint checkpoint = open(role);
    const std::vector<std::string> names = reference_names("optimizer/");
    ASSERT_FALSE(names.empty());
    for (const std::string& name : names) {
      std::string dotted = name;
      std::ranges::replace(dotted, '/', '.');
      expect_equal(checkpoint, "optimizer.state." + dotted, "optimizer/" + name, DataType::kF32);
    }
  }

  void expect_number(const Checkpoint& checkpoint, const std::string& name, const Json& expected) const {
    ASSERT_TRUE(checkpoint.numbers().contains(name)) << name;
    EXPECT_EQ(checkpoint.numbers().at(name),
              expected.is_boolean() ? double(expected.get<bool>()) : expected.get<double>())
        << name;
  }

  Json facts_;
  std::optional<SafetensorsFile> numbers_;
  std::size_t compared_ = 0;
};

struct Role {
  const char* name;
  const char* group;
  DataType type;
  bool has_optimizer;
};

constexpr Role kRoles[]{
    {"zip_full", "model", DataType::kF32, true},      {"legacy_full", "model", DataType::kF32, true},
    {"epoch", "model", DataType::kF32, false},        {"half", "model", DataType::kF16, false},
    {"bf16", "model", DataType::kBF16, false},        {"bf16_legacy", "model", DataType::kBF16, false},
    {"finetuned", "finetuned", DataType::kF32, false}};

TEST_F(CheckpointReference, EveryFileIsKnownHere) {
  EXPECT_THAT(facts_.at("files"), SizeIs(std::size(kRoles)));
  for (const Role& role : kRoles) EXPECT_TRUE(facts_.at("files").contains(role.name)) << role.name;
}

TEST_F(CheckpointReference, EveryTensorOfEveryFileIsEqual) {
  for (const Role& role : kRoles) {
    expect_model(role.name, role.group, role.type);
    if (role.has_optimizer) expect_optimizer(role.name);
  }
  test::report_coverage("checkpoint files", std::size(kRoles), facts_.at("files").size());
  std::printf("compared %zu tensors\n", compared_);
}

TEST_F(CheckpointReference, ModelKeysAreInTheOrderOfTheFile) {
  const Checkpoint checkpoint = open("zip_full");
  std::vector<std::string> names;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (tensor.name.starts_with("model.")) names.push_back(tensor.name.substr(6));
  }
  EXPECT_EQ(names, facts_.at("model_keys").get<std::vector<std::string>>());
}

TEST_F(CheckpointReference, OptimizerAndScalerSettingsAreRead) {
  for (const char* role : {"zip_full", "legacy_full"}) {
    SCOPED_TRACE(role);
    const Checkpoint checkpoint = open(role);
    expect_number(checkpoint, "epoch", facts_.at("epoch"));
    for (const auto& [key, value] : facts_.at("scaler").items()) expect_number(checkpoint, "scaler." + key, value);
    const Json& groups = facts_.at("optimizer").at("param_groups");
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const std::string group = "optimizer.param_groups." + std::to_string(g) + ".";
      for (const char* key : {"eps", "amsgrad", "maximize"}) expect_number(checkpoint, group + key, groups[g].at(key));
      expect_number(checkpoint, group + "betas.1", groups[g].at("betas").at(1));
      const auto last = groups[g].at("params").get<int>() - 1;
      EXPECT_TRUE(checkpoint.numbers().contains(group + "params." + std::to_string(last)));
      EXPECT_FALSE(checkpoint.numbers().contains(group + "params." + std::to_string(last + 1)));
    }
  }
  const Checkpoint finetuned = open("finetuned");
  expect_number(finetuned, "epoch", facts_.at("finetuned").at("epoch"));
}

TEST_F(CheckpointReference, ForeignObjectsAreListedAndHoldNoTensors) {
  for (const auto& [role, file] : facts_.at("files").items()) {
    const Checkpoint checkpoint = open(role);
    bool arguments = false;
    for (const SkippedValue& value : checkpoint.skipped()) {
      EXPECT_FALSE(value.holds_tensors) << role << ": " << value.name;
      EXPECT_TRUE(value.what == "argparse.Namespace" || value.what.ends_with("multiarray.scalar"))
          << role << ": " << value.what;
      arguments |= value.name == "args";
    }
    EXPECT_TRUE(arguments) << role;
  }
}

}  // namespace
}  // namespace chexworld

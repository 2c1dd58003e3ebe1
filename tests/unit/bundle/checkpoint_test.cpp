// SPDX-License-Identifier: Apache-2.0
#include "bundle/checkpoint.h"

#include "base/failure.h"
#include "base/file.h"
#include "builders.h"
#include "bundle/convert.h"
#include "bundle/crc32.h"
#include "support/temporary_folder.h"
#include "support/torch_file.h"

#include <filesystem>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

using namespace test::pickle;
using test::torch_zip;
using testing::ElementsAre;
using testing::HasSubstr;

std::string bytes_of_floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

const std::string kSix = bytes_of_floats({0, 1, 2, 3, 4, 5});

struct Opened {
  std::string bytes;
  Checkpoint checkpoint;
};

Opened opened(const std::string& value, const std::vector<test::TorchStorage>& storages = {{"0", kSix}}) {
  std::string bytes = torch_zip(whole(value), storages);
  Checkpoint checkpoint = Checkpoint::from_bytes(test::bytes_of(bytes), "x.pth");
  return {std::move(bytes), std::move(checkpoint)};
}

std::vector<float> floats(Opened& file, const std::string& name) {
  const CheckpointTensor* tensor = file.checkpoint.find(name);
  return tensor == nullptr ? std::vector<float>{} : to_floats(file.checkpoint.view(*tensor));
}

std::string six() { return storage("FloatStorage", "0", 6); }

TEST(Crc32, KnownValues) {
  EXPECT_EQ(crc32(test::bytes_of("")), 0u);
  EXPECT_EQ(crc32(test::bytes_of("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32(test::bytes_of("The quick brown fox jumps over the lazy dog")), 0x414fa339u);
}

TEST(Checkpoint, NestedNamesAreJoined) {
  Opened file = opened(dictionary({{"a", dictionary({{"b.c", dense("0", {6})}})},
                                   {"list", list({integer(7), dense("0", {6})})},
                                   {"epoch", integer(3)},
                                   {"flag", boolean(true)}}));
  EXPECT_THAT(floats(file, "a.b.c"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_NE(file.checkpoint.find("list.1"), nullptr);
  EXPECT_EQ(file.checkpoint.numbers(), (std::map<std::string, double>{{"epoch", 3}, {"flag", 1}, {"list.0", 7}}));
  EXPECT_EQ(file.checkpoint.find("nothing"), nullptr);
}

TEST(Checkpoint, StridesAreFollowed) {
  Opened file = opened(dictionary({{"transposed", tensor(six(), 0, {3, 2}, {1, 3})},
                                   {"column", tensor(six(), 1, {2}, {3})},
                                   {"repeated", tensor(six(), 2, {2, 2}, {0, 1})},
                                   {"scalar", tensor(six(), 4, {}, {})},
                                   {"empty", tensor(six(), 6, {0, 5}, {5, 1})},
                                   {"odd stride of one", tensor(six(), 3, {1, 3}, {99, 1})}}));
  EXPECT_THAT(floats(file, "transposed"), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(floats(file, "column"), ElementsAre(1, 4));
  EXPECT_THAT(floats(file, "repeated"), ElementsAre(2, 3, 2, 3));
  EXPECT_THAT(floats(file, "scalar"), ElementsAre(4));
  EXPECT_TRUE(floats(file, "empty").empty());
  EXPECT_THAT(floats(file, "odd stride of one"), ElementsAre(3, 4, 5));
}

TEST(Checkpoint, DenseTensorsAreShownWhereTheyLie) {
  // a folder name that puts the storage on a multiple of four
  test::TemporaryFolder folder;
  write_file_atomically(folder / "x",
                        torch_zip(whole(dictionary({{"a", dense("0", {6})}, {"b", dense("0", {6})}})), {{"0", kSix}}));
  Checkpoint checkpoint = Checkpoint::open(folder / "x");
  const TensorView a = checkpoint.view(*checkpoint.find("a"));
  const TensorView b = checkpoint.view(*checkpoint.find("b"));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.bytes.data()) % 4, 0u);
  EXPECT_THAT(to_floats(a), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(to_floats(b), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Checkpoint, EveryElementTypeIsRead) {
  const std::vector<std::pair<const char*, DataType>> classes{
      {"DoubleStorage", DataType::kF64},    {"FloatStorage", DataType::kF32}, {"HalfStorage", DataType::kF16},
      {"BFloat16Storage", DataType::kBF16}, {"LongStorage", DataType::kI64},  {"IntStorage", DataType::kI32},
      {"ShortStorage", DataType::kI16},     {"CharStorage", DataType::kI8},   {"ByteStorage", DataType::kU8},
      {"BoolStorage", DataType::kBool}};
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<test::TorchStorage> storages;
  for (const auto& [name, type] : classes) {
    items.emplace_back(name, tensor(storage(name, name, 2), 0, {2}, {1}));
    storages.push_back({name, std::string(2 * size_of(type), '\0')});
  }
  Opened file = opened(dictionary(items), storages);
  for (const auto& [name, type] : classes) {
    ASSERT_NE(file.checkpoint.find(name), nullptr) << name;
    EXPECT_EQ(file.checkpoint.find(name)->type, type);
    EXPECT_THAT(floats(file, name), ElementsAre(0, 0));
  }
}

TEST(Checkpoint, WrappedTensorsAreFound) {
  const std::string parameter =
      call(global("torch._utils", "_rebuild_parameter"), {dense("0", {6}), boolean(true), none()});
  const std::string rebuild = dense("0", {6});
  const std::string typed =
      global("torch._tensor", "_rebuild_from_type_v2") +
      tuple({global("torch._utils", "_rebuild_tensor_v2"), global("torch", "Tensor"),
             tuple({six(), integer(0), tuple({integer(6)}), tuple({integer(1)}), boolean(false), none()}),
             dictionary({})}) +
      "R";
  const std::string size = call(global("torch", "Size"), {tuple({integer(6)})});
  const std::string sized =
      call(global("torch._utils", "_rebuild_tensor"), {six(), integer(0), size, tuple({integer(1)})});
  Opened file = opened(dictionary({{"parameter", parameter}, {"typed", typed}, {"sized", sized}}));
  for (const char* name : {"parameter", "typed", "sized"}) EXPECT_EQ(floats(file, name).size(), 6u) << name;
}

/// Nothing of this is made or run; the tensors beside it are read all the same.
TEST(Checkpoint, ForeignObjectsAreSkippedAndListed) {
  const std::string proof = (std::filesystem::temp_directory_path() / "chexworld-was-run").string();
  Opened file = opened(dictionary(
      {{"w", dense("0", {6})},
       {"bad", call(global("posix", "system"), {text("touch " + proof)})},
       {"args", global("argparse", "Namespace") + tuple({}) + "\x81" + dictionary({{"lr", text("x")}}) + "b"},
       {"network", call(global("models", "Net"), {dense("0", {6})})}}));
  EXPECT_EQ(floats(file, "w").size(), 6u);
  EXPECT_EQ(file.checkpoint.tensors().size(), 1u);
  const auto& skipped = file.checkpoint.skipped();
  ASSERT_EQ(skipped.size(), 3u);
  EXPECT_EQ(skipped[0].what, "posix.system");
  EXPECT_FALSE(skipped[0].holds_tensors);
  EXPECT_EQ(skipped[1].what, "argparse.Namespace");
  EXPECT_FALSE(skipped[1].holds_tensors);
  EXPECT_EQ(skipped[2].name, "network");
  EXPECT_TRUE(skipped[2].holds_tensors);
  EXPECT_FALSE(std::filesystem::exists(proof));
}

TEST(Checkpoint, OrderedDictionariesOfBothKinds) {
  const std::string ordered = call(global("collections", "OrderedDict"), {});
  const std::string filled =
      ordered + "(" + text("w") + dense("0", {6}) + "u" + dictionary({{"_metadata", none()}}) + "b";
  const std::string old = call(global("collections", "OrderedDict"), {list({list({text("w"), dense("0", {6})})})});
  Opened file = opened(dictionary({{"new", filled}, {"old", old}}));
  EXPECT_EQ(floats(file, "new.w").size(), 6u);
  EXPECT_EQ(floats(file, "old.w").size(), 6u);
}

TEST(Checkpoint, LaterProtocolsAreRead) {
  const std::string body = dictionary({{"w", dense("0", {6})}});
  std::string pickle = "\x80\x05\x95" + test::number_bytes(body.size() + 1, 8) + body + ".";
  std::string bytes = torch_zip(pickle, {{"0", kSix}});
  EXPECT_EQ(Checkpoint::from_bytes(test::bytes_of(bytes), "x").tensors().size(), 1u);
}

TEST(Checkpoint, CopiesAreLimited) {
  const std::string bytes = torch_zip(whole(dictionary({{"w", tensor(six(), 0, {3, 2}, {1, 3})}})), {{"0", kSix}});
  CheckpointLimits limits;
  limits.copied_bytes = 23;
  Checkpoint checkpoint = Checkpoint::from_bytes(test::bytes_of(bytes), "x.pth", limits);
  const auto result = capture([&] { return checkpoint.view(checkpoint.tensors()[0]); });
  EXPECT_EQ(result.error().code(), ErrorCode::kTooLarge);
  EXPECT_THAT(result.error().message(), HasSubstr("limit of 23 bytes"));
}

TEST(Checkpoint, MissingFileIsNamed) {
  const auto result = capture([] { return Checkpoint::open("/nowhere/weights.pth").tensors().size(); });
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(result.error().message(), HasSubstr("/nowhere/weights.pth"));
}

}  // namespace
}  // namespace chexworld

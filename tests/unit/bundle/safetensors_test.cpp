// SPDX-License-Identifier: Apache-2.0
#include "bundle/safetensors.h"

#include "base/failure.h"
#include "base/file.h"
#include "builders.h"
#include "support/temporary_folder.h"

#include <cstring>
#include <gmock/gmock.h>

namespace chexworld {
namespace {

using test::view_of;
using testing::ElementsAreArray;
using testing::HasSubstr;

TEST(Safetensors, ReadsBackWhatWasWritten) {
  const std::vector<float> weights{1, -2, 3.5f, 0, 5, 6};
  const std::vector<std::uint8_t> flags{1, 0, 1};
  const std::vector<double> scalar{2.5};
  const std::vector<std::int64_t> none;
  const test::TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const TensorMap tensors{{"flags", view_of(DataType::kBool, {3}, flags)},
                          {"none", view_of(DataType::kI64, {4, 0}, none)},
                          {"scalar", view_of(DataType::kF64, {}, scalar)},
                          {"weights", view_of(DataType::kF32, {2, 3}, weights)}};
  const TextMap metadata{{"who", "test \"quoted\" \u00e9"}};
  write_safetensors(path, tensors, metadata);

  const SafetensorsFile file = SafetensorsFile::open(path);
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const TensorView& read = file.at(name);
    EXPECT_EQ(read.type, tensor.type) << name;
    EXPECT_EQ(read.shape, tensor.shape) << name;
    EXPECT_THAT(read.bytes, ElementsAreArray(tensor.bytes)) << name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read.bytes.data()) % size_of(read.type), 0u) << name;
  }
}

TEST(Safetensors, SameContentGivesSameBytes) {
  const std::vector<float> values{1, 2};
  const test::TemporaryFolder folder;
  const TensorMap tensors{{"a", view_of(DataType::kF32, {2}, values)}};
  write_safetensors(folder / "1", tensors, {{"k", "v"}});
  write_safetensors(folder / "2", tensors, {{"k", "v"}});
  EXPECT_EQ(read_file(folder / "1"), read_file(folder / "2"));
  std::uint64_t header = 0;
  std::memcpy(&header, read_file(folder / "1").data(), sizeof header);
  EXPECT_EQ(header % 8, 0u) << "data starts at a multiple of 8";
}

TEST(Safetensors, EmptyFileOfTensorsIsFine) {
  const std::string text = test::safetensors_text("{}", 0);
  EXPECT_TRUE(SafetensorsFile::from_bytes(test::bytes_of(text), "x").tensors().empty());
}

TEST(Safetensors, UnalignedTensorsAreShownAligned) {
  std::string text = test::safetensors_text(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
      0);
  text += '\x07' + std::string("\x00\x00\x80\x3f", 4);
  const SafetensorsFile file = SafetensorsFile::from_bytes(test::bytes_of(text), "x");
  const TensorView& b = file.at("b");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.bytes.data()) % 4, 0u);
  EXPECT_EQ(*reinterpret_cast<const float*>(b.bytes.data()), 1.0f);
}

TEST(Safetensors, MissingTensorIsNamed) {
  const std::string text = test::safetensors_text("{}", 0);
  const auto file = SafetensorsFile::from_bytes(test::bytes_of(text), "some.safetensors");
  const auto result = capture([&] { file.at("encoder.norm.weight"); });
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(result.error().message(), "some.safetensors has no tensor 'encoder.norm.weight'");
}

TEST(Safetensors, WriterRefusesAShapeThatLies) {
  const std::vector<float> values{1, 2};
  const test::TemporaryFolder folder;
  const auto write = [&](const std::string& name, std::vector<std::int64_t> shape) {
    return capture([&] { write_safetensors(folder / "a", {{name, view_of(DataType::kF32, shape, values)}}, {}); });
  };
  EXPECT_EQ(write("a", {3}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(write("a", {3}).error().message(), HasSubstr("tensor 'a' of shape [3]"));
  EXPECT_EQ(write("__metadata__", {2}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

TEST(Safetensors, HeaderOver100MegabytesIsRefused) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", test::little_endian(100'000'001, 8));
  std::filesystem::resize_file(folder / "a", 100'000'100);
  const auto result = capture([&] { SafetensorsFile::open(folder / "a"); });
  EXPECT_EQ(result.error().code(), ErrorCode::kTooLarge);
  EXPECT_THAT(result.error().message(), HasSubstr("header of more than 100 MB"));
}

TEST(Safetensors, MovedFileKeepsItsViews) {
  const std::vector<float> values{1, 2};
  const test::TemporaryFolder folder;
  write_safetensors(folder / "a", {{"a", view_of(DataType::kF32, {2}, values)}}, {});
  SafetensorsFile first = SafetensorsFile::open(folder / "a");
  const SafetensorsFile second = std::move(first);
  EXPECT_THAT(second.at("a").bytes, ElementsAreArray(std::as_bytes(std::span(values))));
}

}  // namespace
}  // namespace chexworld

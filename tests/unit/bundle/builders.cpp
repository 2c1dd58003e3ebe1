// SPDX-License-Identifier: Apache-2.0
#include "builders.h"

#include "base/failure.h"

#include <gmock/gmock.h>

namespace chexworld::test {

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += char(value >> (8 * i) & 0xff);
  return text;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string safetensors_text(std::string_view header, std::size_t data_bytes) {
  return little_endian(header.size(), 8) + std::string(header) + std::string(data_bytes, '\0');
}

Tensors::Tensors(const std::map<std::string, std::vector<std::int64_t>>& shapes, const std::string& prefix) {
  for (const auto& [name, shape] : shapes) add(prefix + name, shape);
}

void Tensors::add(const std::string& name, const std::vector<std::int64_t>& shape) {
  std::size_t count = 1;
  for (const std::int64_t extent : shape) count *= std::size_t(extent);
  values_[name] = std::make_unique<std::vector<float>>(count);
  views_[name] = view_of(DataType::kF32, shape, *values_[name]);
}

EncoderShape tiny_encoder() {
  EncoderShape shape;
  shape.image_size = 8;
  shape.patch_size = 4;
  shape.channels = 1;
  shape.width = 8;
  shape.depth = 2;
  shape.heads = 2;
  shape.mlp_width = 12;
  return shape;
}

void expect_refused(const Hostile& file, const std::string& origin, const std::function<void(std::string_view)>& read) {
  const Result<void> result = capture([&] { read(file.bytes); });
  ASSERT_FALSE(result.ok()) << file.name << " was accepted";
  EXPECT_EQ(name_of(result.error().code()), name_of(file.code)) << result.error().message();
  EXPECT_THAT(result.error().message(), testing::HasSubstr(file.message_part));
  EXPECT_THAT(result.error().message(), testing::HasSubstr(origin));
  EXPECT_THAT(result.error().message(), testing::Each(testing::AllOf(testing::Ge(' '), testing::Le('~'))))
      << "a message must be printable";
}

}  // namespace chexworld::test

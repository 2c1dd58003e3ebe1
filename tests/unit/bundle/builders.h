// SPDX-License-Identifier: Apache-2.0
//
// Small builders of files, right and wrong ones.
#pragma once

#include "bundle/encoder_shape.h"

#include <chexworld/result.h>
#include <chexworld/tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chexworld::test {

std::string little_endian(std::uint64_t value, int bytes);
std::span<const std::byte> bytes_of(std::string_view text);

template <class T>
TensorView view_of(DataType type, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return {type, std::move(shape), std::as_bytes(std::span(values))};
}

/// A safetensors file with this header, whatever it says, and `data_bytes` zeros.
std::string safetensors_text(std::string_view header, std::size_t data_bytes);

/// Zero-filled f32 tensors of the given shapes, with their memory.
class Tensors {
 public:
  Tensors() = default;
  explicit Tensors(const std::map<std::string, std::vector<std::int64_t>>& shapes, const std::string& prefix = "");
  void add(const std::string& name, const std::vector<std::int64_t>& shape);
  std::map<std::string, TensorView> views() const { return views_; }
  std::map<std::string, TensorView>* operator->() { return &views_; }
  std::vector<float>& values(const std::string& name) { return *values_.at(name); }

 private:
  std::map<std::string, std::unique_ptr<std::vector<float>>> values_;
  std::map<std::string, TensorView> views_;
};

/// A small encoder that has every part.
EncoderShape tiny_encoder();

/// A bad file and what must be said about it.
struct Hostile {
  std::string name;  ///< letters and digits: the test's name
  std::string bytes;
  ErrorCode code;
  std::string message_part;
};

/// Expects `read` to fail with the code and the message part, and the message to name `origin`.
void expect_refused(const Hostile& file, const std::string& origin, const std::function<void(std::string_view)>& read);

}  // namespace chexworld::test

// SPDX-License-Identifier: Apache-2.0
#include "nn/tensor_convert.h"

#include "base/failure.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace chexworld {
namespace {

// In the order of DataType.
constexpr std::array kTypes{at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong,
                            at::kInt,    at::kShort, at::kChar, at::kByte,     at::kBool};

void check_size(const TensorView& view) {
  if (view.bytes.size() != std::size_t(view.element_count()) * size_of(view.type))
    fail(ErrorCode::kMalformed, "tensor of " + std::to_string(view.element_count()) + " elements has " +
                                    std::to_string(view.bytes.size()) + " bytes");
}

}  // namespace

at::ScalarType scalar_type(DataType type) { return kTypes.at(std::size_t(type)); }

DataType data_type(at::ScalarType type) {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i] == type) return DataType(i);
  }
  fail(ErrorCode::kUnsupported, std::string("tensors of type ") + at::toString(type) + " cannot be stored");
}

at::Tensor owned_tensor(const TensorView& view) {
  check_size(view);
  at::Tensor tensor = at::empty(view.shape, scalar_type(view.type));
  if (!view.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

at::Tensor borrowed_tensor(const TensorView& view) {
  check_size(view);
  const bool aligned = reinterpret_cast<std::uintptr_t>(view.bytes.data()) % size_of(view.type) == 0;
  if (!aligned || view.bytes.empty()) return owned_tensor(view);
  // LibTorch has no read-only tensors; the header forbids writing.
  auto* data = const_cast<std::byte*>(view.bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return at::from_blob(data, view.shape, at::TensorOptions(scalar_type(view.type)));
}

TensorView view_of(const at::Tensor& tensor) {
  if (!tensor.is_contiguous() || !tensor.is_cpu())
    fail(ErrorCode::kInternal, "only dense tensors on the CPU can be viewed as bytes");
  return {data_type(tensor.scalar_type()),
          tensor.sizes().vec(),
          {static_cast<const std::byte*>(tensor.const_data_ptr()), std::size_t(tensor.nbytes())}};
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
//
// Between files' tensors and LibTorch's.
#pragma once

#include <ATen/ATen.h>
#include <chexworld/tensor.h>

namespace chexworld {

at::ScalarType scalar_type(DataType type);
/// Throws Failure(kUnsupported) for types that files do not hold.
DataType data_type(at::ScalarType type);

/// A tensor on the view's own bytes, which must live as long and must not be written to. Bytes that are not aligned
/// for their type are copied.
at::Tensor borrowed_tensor(const TensorView& view);
/// A tensor with bytes of its own.
at::Tensor owned_tensor(const TensorView& view);

/// A view of a tensor's bytes, valid as long as the tensor. Throws Failure(kInternal) unless it is dense, row-major
/// and on the CPU.
TensorView view_of(const at::Tensor& tensor);

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace chexworld {

/// `tensor` on `device`. From the CPU to CUDA through pinned memory, so that the caller does not wait for the copy;
/// whoever uses the result on its device's stream comes after it.
at::Tensor to_device(const at::Tensor& tensor, at::Device device);

}  // namespace chexworld

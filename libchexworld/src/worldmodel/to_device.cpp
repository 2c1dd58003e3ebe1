// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/to_device.h"

#include <ATen/ATen.h>

namespace chexworld {

at::Tensor to_device(const at::Tensor& tensor, at::Device device) {
  if (!device.is_cuda() || !tensor.is_cpu()) return tensor.to(device);
  return tensor.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace chexworld

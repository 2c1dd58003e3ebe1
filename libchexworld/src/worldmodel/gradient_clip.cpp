// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/gradient_clip.h"

#include <c10/core/GradMode.h>

namespace chexworld {

at::Tensor clip_gradients(const std::vector<NamedTensor>& parameters, double largest_norm) {
  const c10::NoGradGuard no_gradient;
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& parameter : parameters) {
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  }
  if (gradients.empty()) return at::zeros({});
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)));
  // Multiplied even when the factor is 1: asking would wait for the device.
  if (largest_norm > 0) at::_foreach_mul_(gradients, (largest_norm / (norm + 1e-6)).clamp_max(1));
  return norm;
}

}  // namespace chexworld

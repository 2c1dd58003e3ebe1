// SPDX-License-Identifier: Apache-2.0
//
// Automatic mixed precision: matrix products in a shorter type, sums and norms in float32.
#pragma once

#include <ATen/ATen.h>

namespace chexworld {

struct Autocast {
  at::DeviceType device = at::kCPU;
  bool enabled = false;
  at::ScalarType type = at::kBFloat16;
};

/// What the calling thread uses now.
Autocast current_autocast(at::DeviceType device);

/// Sets autocast for the calling thread until the end of the scope.
class AutocastGuard {
 public:
  explicit AutocastGuard(const Autocast& wanted);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  Autocast before_;
};

}  // namespace chexworld

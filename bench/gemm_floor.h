// SPDX-License-Identifier: Apache-2.0
//
// The least time that an encoder's matrix products alone take on oneDNN: weights arranged beforehand, no bias worth
// mentioning, no activation, norm, softmax or residual. What an engine reaches is judged against it.
#pragma once

#include "infer/onednn_backend.h"

#include <cstdint>
#include <memory>

namespace chexworld::bench {

class GemmFloor {
 public:
  /// `type` is that of the linear layers; attention is f32 with f32, else bf16. One thread's primitive cache is shared
  /// with the engine, so both run the same kernels.
  GemmFloor(const EncoderShape& shape, LinearType type, std::int64_t batch, int threads);
  ~GemmFloor();

  void run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace chexworld::bench

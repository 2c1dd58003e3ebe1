// SPDX-License-Identifier: Apache-2.0
//
// How the engine comes to LibTorch without being linked with it: a program that has chexworld_infer_torch offers it.
#pragma once

#include "infer/backend.h"

#include <memory>
#include <string>

namespace chexworld {

struct TorchOptions {
  std::string device;  ///< "cpu", "cuda", "cuda:1"
  bool bf16 = false;   ///< weights and products in bf16; else f32
  int threads = 1;     ///< on the CPU
};

struct TorchOffer {
  std::unique_ptr<Backend> (*make)(const EncoderWeights& weights, const TorchOptions& options) = nullptr;
  std::string version;  ///< "LibTorch 2.6.0"
};

/// Before the first Engine is loaded.
void offer_torch(const TorchOffer& offer);
/// `make` is null where nothing was offered.
const TorchOffer& torch_offer();

}  // namespace chexworld

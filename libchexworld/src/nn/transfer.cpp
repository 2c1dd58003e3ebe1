// SPDX-License-Identifier: Apache-2.0
#include "nn/transfer.h"

#include "base/failure.h"
#include "nn/position.h"

namespace chexworld {
namespace {

at::Tensor& required(State& state, const std::string& name, std::int64_t dimensions) {
  const auto found = state.find(name);
  if (found == state.end()) fail(ErrorCode::kMalformed, "encoder weights: " + name + " is missing");
  if (found->second.dim() != dimensions || found->second.numel() == 0)
    fail(ErrorCode::kMalformed, "encoder weights: " + name + " has " + std::to_string(found->second.dim()) +
                                    " dimensions instead of " + std::to_string(dimensions));
  return found->second;
}

}  // namespace

State adapted_encoder_state(const State& encoder, const EncoderConfig& config) {
  State adapted = encoder;
  at::Tensor& table = required(adapted, "pos_embed", 3);
  table = resize_position_table(table, config.grid());
  at::Tensor& kernel = required(adapted, "patch_embed.proj.weight", 4);
  kernel = resize_patch_kernel(kernel, config.patch_size);
  return adapted;
}

}  // namespace chexworld

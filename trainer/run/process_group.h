// SPDX-License-Identifier: Apache-2.0
//
// Processes that train one model together.
#pragma once

#include <ATen/core/Tensor.h>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace chexworld {

/// Calls are collective: every process makes the same ones in the same order. Where a peer has died, all that are left
/// throw Failure(kUnavailable).
class ProcessGroup {
 public:
  /// Waits for the end of what was started.
  using Pending = std::function<void()>;

  virtual ~ProcessGroup() = default;
  virtual std::int64_t rank() const = 0;
  virtual std::int64_t size() const = 0;
  /// Where tensors that are exchanged must lie: the CPU with Gloo, this process's GPU with NCCL.
  virtual at::Device device() const = 0;
  /// Begins to replace a dense tensor on device() by its sum over all processes.
  virtual Pending start_sum(const at::Tensor& tensor) = 0;
  /// Replaces tensors, wherever they lie, by those of rank 0.
  virtual void broadcast(const std::vector<at::Tensor>& tensors) = 0;
  /// Whether any process says so.
  virtual bool any(bool mine) = 0;
};

/// As torchrun (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT) or Slurm (SLURM_PROCID, SLURM_NTASKS, and MASTER_ADDR)
/// tell; nullptr for a process alone. NCCL where `device` is a GPU and LibTorch has it, else Gloo. Throws
/// Failure(kInvalidArgument) for an environment that contradicts itself, kUnavailable where the others do not come.
std::unique_ptr<ProcessGroup> join_process_group(at::Device device);

/// The device of this process: "cuda" without a number is the GPU of its rank on this machine (LOCAL_RANK, else
/// SLURM_LOCALID, else 0).
at::Device device_of_process(const std::string& device);

}  // namespace chexworld

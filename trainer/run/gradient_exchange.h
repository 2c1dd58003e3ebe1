// SPDX-License-Identifier: Apache-2.0
//
// Gradients of several processes become their mean while the backward pass still computes others.
#pragma once

#include "nn/module.h"
#include "trainer/run/process_group.h"

#include <memory>

namespace chexworld {

/// Parameters are gathered into buckets in the reverse of their order, as gradients come; a bucket is sent as soon as
/// it and those before it are complete. Not thread safe; parameters and group must outlive it.
class GradientExchange {
 public:
  GradientExchange(const std::vector<NamedTensor>& parameters, ProcessGroup& group,
                   std::int64_t bucket_bytes = 16 << 20);
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  /// To be called before the last backward pass of an update; earlier ones only add up on their process.
  void arm();
  /// To be called after it: every gradient is the mean over all processes then. A parameter that has no gradient on
  /// this process counts as zero, and stays without where it has none on any process.
  void finish();

 private:
  struct State;  // shared with the hooks, which may outlive this object
  std::shared_ptr<State> state_;
};

}  // namespace chexworld

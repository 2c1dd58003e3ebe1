// SPDX-License-Identifier: Apache-2.0
//
// AdamW with decoupled weight decay (Loshchilov and Hutter 2019).
#pragma once

#include "nn/state.h"
#include "worldmodel/parameter_groups.h"

namespace chexworld {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  bool fused = true;  ///< LibTorch's one-kernel update where it has one: float tensors on the CPU or CUDA
};

/// Numbers equal torch's: w -= lr*decay*w; m, v: running means of g and g^2; w -= lr * m^ / (sqrt(v^) + eps), ^ being
/// bias-corrected. Not thread safe.
class AdamW {
 public:
  AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options = {});

  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// One update from the gradients there are; each group's rate is learning_rate * its scale. Parameters without
  /// gradient stay as they are, moments included.
  void step(double learning_rate);
  /// Changes the weight decay of all groups that have one (reference quirk 20).
  void set_weight_decay(double weight_decay);
  void clear_gradients();

  /// exp_avg/NAME, exp_avg_sq/NAME and step/NAME (f32[], how many updates), sharing storage with this object.
  /// A parameter that was never updated has no entry.
  State state() const;
  /// Takes copies. Throws Failure(kMalformed) for names that are missing, unknown or of another shape.
  void load(const State& state);

 private:
  struct Moments {
    at::Tensor average, square, step;
  };
  using Selected = std::vector<std::size_t>;  // indices into one group

  static Moments moments_from(const State& state, const NamedTensor& parameter);
  void update_fused(const ParameterGroup& group, std::vector<Moments>& moments, const Selected& selected, double rate);
  void update_plain(const ParameterGroup& group, std::vector<Moments>& moments, const Selected& selected, double rate);

  std::vector<ParameterGroup> groups_;
  std::vector<std::vector<Moments>> moments_;  // by group, by parameter; undefined before the first update
  AdamWOptions options_;
};

}  // namespace chexworld

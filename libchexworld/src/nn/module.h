// SPDX-License-Identifier: Apache-2.0
//
// Named tensors in the order and under the names of the published checkpoints.
#pragma once

#include <ATen/ATen.h>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace chexworld {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;  ///< shares storage with the module
};

/// A part of a network: parameters, buffers (running statistics) and smaller parts, each with its name.
/// Members hold the tensors; a Module only knows them. Neither copied nor moved, since parts are known by address.
/// Not thread safe while it changes (train, to, initialise, weight updates); forward passes may run concurrently
/// where they change nothing (no batch statistics in training mode).
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// Own tensors first, then those of the parts, in the order of registration.
  std::vector<NamedTensor> parameters() const { return collect(false); }
  /// Parameters and buffers: what a checkpoint holds.
  std::vector<NamedTensor> state() const { return collect(true); }
  std::vector<NamedTensor> trainable_parameters() const;

  void train(bool on = true);
  bool training() const { return training_; }
  void freeze();  ///< no parameter gets a gradient from now on

  /// Moves all tensors in place, so that everybody who holds one sees it moved.
  void to(at::Device device);
  /// Converts floating-point tensors in place.
  void to(at::ScalarType type);

  /// Draws all weights anew, the same ones for the same seed (specification, section 1, initialisation).
  void initialise(std::uint64_t seed);

 protected:
  at::Tensor add_parameter(std::string name, at::Tensor value, bool trainable = true);
  at::Tensor add_buffer(std::string name, at::Tensor value);
  void add_part(std::string name, Module& part) { parts_.emplace_back(std::move(name), &part); }

  /// Draws this module's own tensors; parts follow by themselves. Norms and tables keep what they were built with.
  virtual void draw_own_weights(at::Generator& /*generator*/) {}

 private:
  std::vector<NamedTensor> collect(bool with_buffers) const;
  void collect_into(std::vector<NamedTensor>& all, const std::string& prefix, bool with_buffers) const;
  void initialise_all(at::Generator& generator);

  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> buffers_;
  std::vector<std::pair<std::string, Module*>> parts_;
  bool training_ = true;
};

/// A module that is only a name for its parts.
class PartList : public Module {
 public:
  using Module::add_part;
};

/// A module with one input and one output.
class Layer : public Module {
 public:
  virtual at::Tensor operator()(const at::Tensor& input) const = 0;
};

}  // namespace chexworld

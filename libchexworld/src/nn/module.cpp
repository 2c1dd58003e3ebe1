// SPDX-License-Identifier: Apache-2.0
#include "nn/module.h"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>

namespace chexworld {

at::Tensor Module::add_parameter(std::string name, at::Tensor value, bool trainable) {
  value.set_requires_grad(trainable);
  parameters_.push_back({std::move(name), value});
  return value;
}

at::Tensor Module::add_buffer(std::string name, at::Tensor value) {
  buffers_.push_back({std::move(name), value});
  return value;
}

void Module::collect_into(std::vector<NamedTensor>& all, const std::string& prefix, bool with_buffers) const {
  for (const NamedTensor& own : parameters_) all.push_back({prefix + own.name, own.tensor});
  if (with_buffers) {
    for (const NamedTensor& own : buffers_) all.push_back({prefix + own.name, own.tensor});
  }
  for (const auto& [name, part] : parts_) part->collect_into(all, prefix + name + ".", with_buffers);
}

std::vector<NamedTensor> Module::collect(bool with_buffers) const {
  std::vector<NamedTensor> all;
  collect_into(all, "", with_buffers);
  return all;
}

std::vector<NamedTensor> Module::trainable_parameters() const {
  std::vector<NamedTensor> all = parameters();
  std::erase_if(all, [](const NamedTensor& parameter) { return !parameter.tensor.requires_grad(); });
  return all;
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& [name, part] : parts_) part->train(on);
}

void Module::freeze() {
  for (NamedTensor& parameter : parameters()) parameter.tensor.set_requires_grad(false);
}

void Module::to(at::Device device) {
  for (NamedTensor& entry : state()) entry.tensor.set_data(entry.tensor.detach().to(device));
}

void Module::to(at::ScalarType type) {
  for (NamedTensor& entry : state()) {
    if (entry.tensor.is_floating_point()) entry.tensor.set_data(entry.tensor.detach().to(type));
  }
}

void Module::initialise_all(at::Generator& generator) {
  draw_own_weights(generator);
  for (const auto& [name, part] : parts_) part->initialise_all(generator);
}

void Module::initialise(std::uint64_t seed) {
  const c10::NoGradGuard no_gradient;
  at::Generator generator = at::detail::createCPUGenerator(seed);
  initialise_all(generator);
}

}  // namespace chexworld

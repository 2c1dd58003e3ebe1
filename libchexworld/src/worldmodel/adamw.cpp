// SPDX-License-Identifier: Apache-2.0
#include "worldmodel/adamw.h"

#include "base/failure.h"

#include <algorithm>
#include <c10/core/GradMode.h>
#include <cmath>

namespace chexworld {
namespace {

bool has_fused_update(const at::Tensor& parameter) {
  return (parameter.is_cpu() || parameter.is_cuda()) && parameter.scalar_type() == at::kFloat;
}

}  // namespace

AdamW::AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options)
    : groups_(std::move(groups)), options_(options) {
  for (const ParameterGroup& group : groups_) moments_.emplace_back(group.parameters.size());
}

void AdamW::set_weight_decay(double weight_decay) {
  for (ParameterGroup& group : groups_) {
    if (group.weight_decay > 0) group.weight_decay = weight_decay;
  }
}

void AdamW::clear_gradients() {
  for (ParameterGroup& group : groups_) {
    for (NamedTensor& parameter : group.parameters) parameter.tensor.mutable_grad().reset();
  }
}

void AdamW::step(double learning_rate) {
  const c10::NoGradGuard no_gradient;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const ParameterGroup& group = groups_[g];
    Selected fused, plain;
    for (std::size_t i = 0; i < group.parameters.size(); ++i) {
      const at::Tensor& parameter = group.parameters[i].tensor;
      if (!parameter.grad().defined()) continue;
      Moments& moments = moments_[g][i];
      if (!moments.step.defined())
        moments = {at::zeros_like(parameter), at::zeros_like(parameter),
                   at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false))};
      (options_.fused && has_fused_update(parameter) ? fused : plain).push_back(i);
    }
    const double rate = learning_rate * group.learning_rate_scale;
    if (!fused.empty()) update_fused(group, moments_[g], fused, rate);
    if (!plain.empty()) update_plain(group, moments_[g], plain, rate);
  }
}

void AdamW::update_fused(const ParameterGroup& group, std::vector<Moments>& moments, const Selected& selected,
                         double rate) {
  std::vector<at::Tensor> parameters, gradients, averages, squares, steps;
  for (const std::size_t i : selected) {
    parameters.push_back(group.parameters[i].tensor);
    gradients.push_back(parameters.back().grad());
    averages.push_back(moments[i].average);
    squares.push_back(moments[i].square);
    steps.push_back(moments[i].step);
  }
  at::_foreach_add_(steps, 1);
  at::_fused_adamw_(parameters, gradients, averages, squares, {}, steps, rate, options_.beta1, options_.beta2,
                    group.weight_decay, options_.eps, false, false);
}

void AdamW::update_plain(const ParameterGroup& group, std::vector<Moments>& moments, const Selected& selected,
                         double rate) {
  for (const std::size_t i : selected) {
    at::Tensor parameter = group.parameters[i].tensor;
    const at::Tensor gradient = parameter.grad();
    auto& [average, square, step] = moments[i];
    const double count = step.add_(1).item<double>();
    parameter.mul_(1 - rate * group.weight_decay);
    average.lerp_(gradient, 1 - options_.beta1);
    square.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    const double correction1 = 1 - std::pow(options_.beta1, count), correction2 = 1 - std::pow(options_.beta2, count);
    const at::Tensor scale = (square.sqrt() / std::sqrt(correction2)).add_(options_.eps);
    parameter.addcdiv_(average, scale, -rate / correction1);
  }
}

State AdamW::state() const {
  State state;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t i = 0; i < moments_[g].size(); ++i) {
      const auto& [average, square, step] = moments_[g][i];
      if (!step.defined()) continue;
      const std::string& name = groups_[g].parameters[i].name;
      state["exp_avg/" + name] = average;
      state["exp_avg_sq/" + name] = square;
      state["step/" + name] = step;
    }
  }
  return state;
}

AdamW::Moments AdamW::moments_from(const State& state, const NamedTensor& parameter) {
  const auto copy_of = [&](const std::string& key, at::IntArrayRef sizes) {
    const auto found = state.find(key);
    if (found == state.end()) fail(ErrorCode::kMalformed, "optimizer state: " + key + " is missing");
    if (found->second.sizes() != sizes) fail(ErrorCode::kMalformed, "optimizer state: " + key + " has another shape");
    return found->second.to(parameter.tensor.options().requires_grad(false), false, true);
  };
  const auto& [name, tensor] = parameter;
  return {copy_of("exp_avg/" + name, tensor.sizes()), copy_of("exp_avg_sq/" + name, tensor.sizes()),
          copy_of("step/" + name, {}).to(at::kFloat)};
}

void AdamW::load(const State& state) {
  State unknown = state;
  std::vector<std::vector<Moments>> loaded;
  for (const ParameterGroup& group : groups_) {
    std::vector<Moments>& moments = loaded.emplace_back(group.parameters.size());
    for (std::size_t i = 0; i < moments.size(); ++i) {
      const NamedTensor& parameter = group.parameters[i];
      bool present = false;
      for (const char* kind : {"exp_avg/", "exp_avg_sq/", "step/"}) present |= unknown.erase(kind + parameter.name) > 0;
      if (present) moments[i] = moments_from(state, parameter);
    }
  }
  if (!unknown.empty()) fail(ErrorCode::kMalformed, "optimizer state: no parameter for " + unknown.begin()->first);
  moments_ = std::move(loaded);
}

}  // namespace chexworld

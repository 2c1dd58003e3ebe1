// SPDX-License-Identifier: Apache-2.0
#include "trainer/run/gradient_exchange.h"

#include "base/failure.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

namespace chexworld {
namespace {

struct Bucket {
  std::vector<at::Tensor> parameters;
  at::Tensor flat;  // f32 on the group's device: all gradients, then one flag per parameter that there is one
  std::size_t missing = 0;
  ProcessGroup::Pending pending;
};

void gather(Bucket& bucket, at::Device device) {
  const auto numbers = at::TensorOptions(at::kFloat).device(device);
  std::vector<at::Tensor> parts;
  for (const at::Tensor& parameter : bucket.parameters)
    parts.push_back(parameter.grad().defined() ? parameter.grad().detach().flatten().to(numbers)
                                               : at::zeros({parameter.numel()}, numbers));
  at::Tensor flags = at::zeros({std::int64_t(bucket.parameters.size())});
  for (std::size_t i = 0; i < bucket.parameters.size(); ++i)
    if (bucket.parameters[i].grad().defined()) flags[std::int64_t(i)] = 1;
  parts.push_back(flags.to(device));
  bucket.flat = at::cat(parts);
}

void scatter(const Bucket& bucket, std::int64_t processes) {
  std::int64_t at = 0;
  const auto count = std::int64_t(bucket.parameters.size());
  const at::Tensor flags = bucket.flat.narrow(0, bucket.flat.numel() - count, count).cpu();
  for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
    const at::Tensor& parameter = bucket.parameters[i];
    const at::Tensor sum = bucket.flat.slice(0, at, at + parameter.numel());
    at += parameter.numel();
    if (flags[std::int64_t(i)].item<float>() == 0) continue;
    if (!parameter.grad().defined()) parameter.mutable_grad() = at::zeros_like(parameter);
    parameter.grad().copy_((sum / double(processes)).view_as(parameter));
  }
}

}  // namespace

struct GradientExchange::State {
  explicit State(ProcessGroup& process_group) : group(process_group) {}

  ProcessGroup& group;
  std::vector<Bucket> buckets;
  std::size_t sent = 0;
  bool armed = false;
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators;  // parameters hold theirs only weakly
  std::exception_ptr failure;                                        // hooks must not throw through the backward pass

  void arrived(std::size_t bucket) {
    if (!armed || failure || buckets[bucket].missing == 0) return;
    --buckets[bucket].missing;
    while (sent < buckets.size() && buckets[sent].missing == 0) send();
  }

  /// Buckets go out in one order everywhere, whatever order gradients come in.
  void send() {
    const c10::NoGradGuard no_gradient;
    try {
      Bucket& bucket = buckets[sent++];
      gather(bucket, group.device());
      bucket.pending = group.start_sum(bucket.flat);
    } catch (...) {
      failure = std::current_exception();
    }
  }
};

namespace {

/// Runs after autograd has added to a parameter's gradient.
struct ArrivalHook : torch::autograd::FunctionPostHook {
  explicit ArrivalHook(std::function<void()> action) : action_(std::move(action)) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                            const torch::autograd::variable_list&) override {
    action_();
    return outputs;
  }
  std::function<void()> action_;
};

}  // namespace

GradientExchange::GradientExchange(const std::vector<NamedTensor>& parameters, ProcessGroup& group,
                                   std::int64_t bucket_bytes)
    : state_(std::make_shared<State>(group)) {
  std::int64_t bytes = bucket_bytes;  // the first parameter opens a bucket
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    if (bytes >= bucket_bytes) state_->buckets.emplace_back(), bytes = 0;
    state_->buckets.back().parameters.push_back(parameter->tensor);
    bytes += std::int64_t(parameter->tensor.nbytes());
    const auto accumulator = torch::autograd::impl::grad_accumulator(parameter->tensor);
    accumulator->add_post_hook(
        std::make_unique<ArrivalHook>([state = std::weak_ptr<State>(state_), bucket = state_->buckets.size() - 1] {
          if (const auto alive = state.lock()) alive->arrived(bucket);
        }));
    state_->accumulators.push_back(accumulator);
  }
}

GradientExchange::~GradientExchange() = default;

void GradientExchange::arm() {
  for (Bucket& bucket : state_->buckets) bucket.missing = bucket.parameters.size();
  state_->sent = 0;
  state_->failure = nullptr;
  state_->armed = true;
}

void GradientExchange::finish() {
  const c10::NoGradGuard no_gradient;
  State& state = *state_;
  state.armed = false;
  while (state.sent < state.buckets.size() && !state.failure) state.send();
  if (state.failure) std::rethrow_exception(state.failure);
  for (const Bucket& bucket : state.buckets) {
    bucket.pending();
    scatter(bucket, state.group.size());
  }
}

}  // namespace chexworld

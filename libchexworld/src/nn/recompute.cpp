// SPDX-License-Identifier: Apache-2.0
#include "nn/recompute.h"

#include "nn/autocast.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace chexworld {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Segment : torch::CustomClassHolder {
  std::function<at::Tensor(const at::Tensor&)> run;
  variable_list parameters;
  Autocast autocast;  // as it was in the forward pass
};
using SegmentPointer = c10::intrusive_ptr<Segment>;

class Recompute : public torch::autograd::Function<Recompute> {
 public:
  static at::Tensor forward(AutogradContext* context, const SegmentPointer& segment, const at::Tensor& input,
                            at::TensorList /*parameters*/) {
    context->saved_data["segment"] = c10::IValue::make_capsule(segment);
    context->save_for_backward({input});
    return segment->run(input);
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const auto segment = c10::static_intrusive_pointer_cast<Segment>(context->saved_data["segment"].toCapsule());
    const c10::AutoGradMode with_gradient(true);
    const AutocastGuard autocast(segment->autocast);
    const at::Tensor input = context->get_saved_variables()[0].detach().requires_grad_();
    variable_list wanted{input};
    wanted.insert(wanted.end(), segment->parameters.begin(), segment->parameters.end());
    variable_list gradients =
        torch::autograd::grad({segment->run(input)}, wanted, output_gradients, std::nullopt, false, true);
    gradients.insert(gradients.begin(), at::Tensor());  // the segment itself has none
    return gradients;
  }
};

}  // namespace

at::Tensor recomputed_in_backward(std::function<at::Tensor(const at::Tensor&)> segment, const at::Tensor& input,
                                  const std::vector<NamedTensor>& parameters) {
  const auto holder = c10::make_intrusive<Segment>();
  holder->run = std::move(segment);
  holder->autocast = current_autocast(input.device().type());
  for (const NamedTensor& parameter : parameters) holder->parameters.push_back(parameter.tensor);
  return Recompute::apply(holder, input, at::TensorList(holder->parameters));
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "nn/state.h"

#include "base/failure.h"
#include "bundle/printable.h"
#include "nn/tensor_convert.h"

#include <c10/core/GradMode.h>

namespace chexworld {
namespace {

std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

std::string extents(const at::Tensor& tensor) { return shape_text({tensor.sizes().data(), std::size_t(tensor.dim())}); }

LoadReport compare(const std::vector<NamedTensor>& wanted, const State& state) {
  LoadReport report;
  std::map<std::string, bool> known;
  for (const NamedTensor& entry : wanted) {
    known[entry.name] = true;
    if (!state.contains(entry.name)) report.missing.push_back(entry.name);
  }
  for (const auto& [name, tensor] : state) {
    if (!known.contains(name)) report.unexpected.push_back(name);
  }
  return report;
}

void refuse_unfit(const std::vector<NamedTensor>& wanted, const State& state) {
  std::vector<std::string> problems;
  for (const NamedTensor& entry : wanted) {
    const auto found = state.find(entry.name);
    if (found == state.end()) continue;
    if (found->second.sizes() != entry.tensor.sizes())
      problems.push_back(entry.name + " is " + extents(found->second) + " instead of " + extents(entry.tensor));
    else if (found->second.is_floating_point() && !at::isfinite(found->second).all().item<bool>())
      problems.push_back(entry.name + " holds infinities or NaN");
  }
  if (!problems.empty()) fail(ErrorCode::kMalformed, "weights do not fit: " + list(problems));
}

void copy(const std::vector<NamedTensor>& wanted, const State& state) {
  const c10::NoGradGuard no_gradient;
  for (NamedTensor entry : wanted) {
    if (const auto found = state.find(entry.name); found != state.end()) entry.tensor.copy_(found->second);
  }
}

}  // namespace

State with_prefix(const State& state, const std::string& prefix) {
  State part;
  for (const auto& [name, tensor] : state) {
    if (name.starts_with(prefix)) part.emplace(name.substr(prefix.size()), tensor);
  }
  return part;
}

State state_of(const std::map<std::string, TensorView>& views) {
  State state;
  for (const auto& [name, view] : views) state.emplace(name, borrowed_tensor(view));
  return state;
}

LoadReport load_matching(Module& module, const State& state) {
  const std::vector<NamedTensor> wanted = module.state();
  refuse_unfit(wanted, state);
  copy(wanted, state);
  return compare(wanted, state);
}

void load_exactly(Module& module, const State& state, const std::string& where) {
  const std::vector<NamedTensor> wanted = module.state();
  const LoadReport report = compare(wanted, state);
  std::string problem;
  if (!report.missing.empty()) problem += " missing: " + list(report.missing) + ";";
  if (!report.unexpected.empty()) problem += " unexpected: " + list(report.unexpected) + ";";
  if (!problem.empty()) {
    problem.pop_back();
    fail(ErrorCode::kMalformed, where + ": weights are of another model;" + problem);
  }
  within(where, [&] { refuse_unfit(wanted, state); });
  copy(wanted, state);
}

}  // namespace chexworld

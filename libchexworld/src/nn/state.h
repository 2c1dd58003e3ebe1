// SPDX-License-Identifier: Apache-2.0
//
// Weights by name, into and out of modules.
#pragma once

#include "nn/module.h"

#include <chexworld/tensor.h>

#include <map>

namespace chexworld {

using State = std::map<std::string, at::Tensor>;

/// The entries whose names start with `prefix`, without it.
State with_prefix(const State& state, const std::string& prefix);

/// Tensors over somebody else's bytes (a mapped file, which must live as long), by name; see tensor_convert.h.
State state_of(const std::map<std::string, TensorView>& views);

struct LoadReport {
  std::vector<std::string> missing;     ///< wanted by the module, not in the state
  std::vector<std::string> unexpected;  ///< in the state, unknown to the module
};

/// Copies what is there by name and reports what is not. Throws Failure(kMalformed) listing tensors whose shape is
/// another one, or that are not finite; nothing has been copied then.
LoadReport load_matching(Module& module, const State& state);

/// load_matching that accepts no difference: throws Failure(kMalformed) listing missing and unexpected names,
/// before anything is copied. `where` is the place for messages.
void load_exactly(Module& module, const State& state, const std::string& where);

}  // namespace chexworld

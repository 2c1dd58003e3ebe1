// SPDX-License-Identifier: Apache-2.0
#include "cli/system_facts.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

namespace chexworld::cli {

TorchFacts torch_facts() {
  TorchFacts facts;
  facts.version = TORCH_VERSION;
  facts.threads = at::get_num_threads();
  facts.cuda_devices = at::hasCUDA() ? int(at::detail::getCUDAHooks().deviceCount()) : 0;
  return facts;
}

}  // namespace chexworld::cli

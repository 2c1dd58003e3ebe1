// SPDX-License-Identifier: Apache-2.0
#include "nn/autocast.h"

#include <ATen/autocast_mode.h>

namespace chexworld {
namespace {

void set(const Autocast& wanted) {
  at::autocast::set_autocast_enabled(wanted.device, wanted.enabled);
  at::autocast::set_autocast_dtype(wanted.device, wanted.type);
}

}  // namespace

Autocast current_autocast(at::DeviceType device) {
  return {device, at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)};
}

AutocastGuard::AutocastGuard(const Autocast& wanted) : before_(current_autocast(wanted.device)) {
  at::autocast::increment_nesting();
  set(wanted);
}

AutocastGuard::~AutocastGuard() {
  // Converted weights are kept until the outermost scope ends; afterwards the weights may change.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  set(before_);
}

}  // namespace chexworld

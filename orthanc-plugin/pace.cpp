// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/pace.h"

#include <algorithm>

namespace chexworld::plugin {

std::chrono::milliseconds Pace::wait(Time now) const {
  if (ready(now)) return std::chrono::milliseconds(0);
  return std::chrono::ceil<std::chrono::milliseconds>(next_ - now);
}

void Pace::took(std::size_t things, Time now) {
  if (!limited()) return;
  const std::chrono::duration<double> share(double(things) / per_second_);
  next_ = std::max(next_, now) + std::chrono::duration_cast<Time::duration>(share);
}

}  // namespace chexworld::plugin

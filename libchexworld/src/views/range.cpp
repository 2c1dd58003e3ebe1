// SPDX-License-Identifier: Apache-2.0
#include "views/range.h"

#include "base/failure.h"

#include <sstream>

namespace chexworld {

void require_range(const Range& range, const Range& allowed, const std::string& what) {
  if (allowed.least <= range.least && range.least <= range.most && range.most <= allowed.most) return;
  std::ostringstream message;
  message << what << " from " << range.least << " to " << range.most << " is not possible: it must lie within "
          << allowed.least << " and " << allowed.most << ", the smaller number first";
  fail(ErrorCode::kInvalidArgument, message.str());
}

void require_probability(double probability, const std::string& what) {
  if (probability >= 0 && probability <= 1) return;
  std::ostringstream message;
  message << what << " must be a probability from 0 to 1, not " << probability;
  fail(ErrorCode::kInvalidArgument, message.str());
}

}  // namespace chexworld

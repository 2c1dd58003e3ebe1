// SPDX-License-Identifier: Apache-2.0
#include "dicom/limits.h"

#include "base/failure.h"

namespace chexworld {

void Deadline::check() const {
  if (passed()) {
    fail(ErrorCode::kTimeout, "not finished within the time limit of " + std::to_string(budget_.count()) +
                                  " ms for one DICOM object; raise the limit if the object is a genuine one");
  }
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
//
// Files offered as the next model that must not become it: truncated, of another hash, with bad numbers or shapes, and
// things that are no bundles at all.
#pragma once

#include "unit/infer/random_bundle.h"

#include <string>
#include <vector>

namespace chexworld::test {

struct BrokenBundle {
  std::string name;
  std::string bytes;
  std::string expected_id = {};  ///< that whoever offers it claims
};

/// At least 40; `active_id` is the hash of a model that none of them is.
std::vector<BrokenBundle> broken_bundles(const std::string& active_id);
/// The bytes of the good bundle that they were made from.
std::string unbroken_bundle();

}  // namespace chexworld::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/failure.h"

#include <string>

namespace chexworld::test {

/// What the action complains of; "nothing was thrown" where it does not.
template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.error().message();
  }
  return "nothing was thrown";
}

}  // namespace chexworld::test

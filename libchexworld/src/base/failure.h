// SPDX-License-Identifier: Apache-2.0
//
// Between exceptions (inside) and Result (at the public edge).
#pragma once

#include <chexworld/result.h>

#include <string_view>
#include <type_traits>

namespace chexworld {

/// Throws Failure(code, message).
[[noreturn]] void fail(ErrorCode code, std::string message);

/// Throws Failure for the operating system's `error_number` (errno): "opening x: No such file ...".
[[noreturn]] void fail_errno(std::string_view doing, int error_number);

/// The Error that the exception being handled stands for; call inside a catch block.
Error current_error();

/// Runs `action` and gathers `context` on the way up: "context: what went wrong".
template <class Action>
auto within(std::string_view context, Action&& action) {
  try {
    return action();
  } catch (...) {
    throw Failure(Error(current_error()).within(context));
  }
}

/// The public edge: runs `action`, turning every exception into an Error.
template <class Action>
auto capture(Action&& action) -> Result<std::invoke_result_t<Action>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Action>>) {
      action();
      return {};
    } else {
      return action();
    }
  } catch (...) {
    return current_error();
  }
}

}  // namespace chexworld

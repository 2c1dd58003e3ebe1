// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/config.h"

#include <chexworld/result.h>

namespace chexworld {

/// An error as every interface of ours shows it: {"error": {"code", "message", "details"}}. `details` is an object of
/// things a program may want to know; it is left out where there are none.
Json error_json(const Error& error, const Json& details = {});

}  // namespace chexworld

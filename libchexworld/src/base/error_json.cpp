// SPDX-License-Identifier: Apache-2.0
#include "base/error_json.h"

namespace chexworld {

Json error_json(const Error& error, const Json& details) {
  Json body = {{"code", name_of(error.code())}, {"message", error.message()}};
  if (!details.empty()) body["details"] = details;
  return {{"error", std::move(body)}};
}

}  // namespace chexworld

// SPDX-License-Identifier: Apache-2.0
#include "service/http.h"

namespace chexworld {

HttpResponse json_response(const Json& json, int status) {
  // Foreign text (a file name, a header) may not be UTF-8: it is replaced, never an error.
  return {status, "application/json", json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", {}};
}

HttpResponse error_response(const Error& error) {
  return json_response({{"error", {{"code", name_of(error.code())}, {"message", error.message()}}}},
                       error.http_status());
}

}  // namespace chexworld

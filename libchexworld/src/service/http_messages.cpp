// SPDX-License-Identifier: Apache-2.0
#include "base/error_json.h"
#include "service/http.h"

namespace chexworld {

BodyFile::~BodyFile() {
  std::error_code gone;
  std::filesystem::remove(path_, gone);
}

HttpResponse json_response(const Json& json, int status) {
  // Foreign text (a file name, a header) may not be UTF-8: it is replaced, never an error.
  return {status, "application/json", json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", {}};
}

HttpResponse error_response(const Error& error, const Json& details) {
  HttpResponse response = json_response(error_json(error, details), error.http_status());
  if (error.code() == ErrorCode::kUnavailable) response.headers["Retry-After"] = "1";
  return response;
}

}  // namespace chexworld

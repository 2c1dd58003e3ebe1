// SPDX-License-Identifier: Apache-2.0
#include "cli/remote.h"

#include "base/config.h"
#include "base/failure.h"
#include "service/http_client.h"

#include <cstdlib>

namespace chexworld::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

HttpCredentials credentials_from(const std::filesystem::path& file) {
  if (!file.empty()) return HttpCredentials::from_file(file);
  return {variable("CHEXWORLD_USER"), variable("CHEXWORLD_PASSWORD"), variable("CHEXWORLD_TOKEN")};
}

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
    case 403: return ErrorCode::kUnauthorized;
    case 404: return ErrorCode::kNotFound;
    case 409: return ErrorCode::kConflict;
    case 413: return ErrorCode::kTooLarge;
    default: return ErrorCode::kInputOutput;
  }
}

/// What our own service says about an error; other servers' pages are left out.
std::string reason_in(const HttpAnswer& answer) {
  const Json json = Json::parse(answer.body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_object() && json["error"].contains("message") &&
      json["error"]["message"].is_string())
    return ": " + json["error"]["message"].get<std::string>();
  return answer.status == 401 ? ": it wants a user and a password, or a token" : "";
}

std::string success(HttpAnswer answer, const std::string& target) {
  if (answer.ok()) return std::move(answer.body);
  fail(code_of(answer.status),
       "the server answered " + std::to_string(answer.status) + " to " + target + reason_in(answer));
}

}  // namespace

Remote::Remote(const std::string& url, const std::filesystem::path& credentials)
    : client_(std::make_shared<HttpClient>(parse_server_url(url), credentials_from(credentials),
                                           HttpClientOptions{.timeout = std::chrono::minutes(5)})) {}

std::string Remote::get(const std::string& target) const { return success(client_->get(target), target); }

std::string Remote::post(const std::string& target, const std::string& json) const {
  return success(client_->post(target, json, "application/json"), target);
}

std::string Remote::put(const std::string& target, const std::string& json) const {
  return success(client_->put(target, json, "application/json"), target);
}

std::string Remote::remove(const std::string& target) const { return success(client_->remove(target), target); }

std::string Remote::post_file(const std::string& target, const std::filesystem::path& file) const {
  return success(client_->post_file(target, file, "application/octet-stream"), target);
}

std::string url_encoded(const std::string& text) { return percent_encoded(text); }

}  // namespace chexworld::cli

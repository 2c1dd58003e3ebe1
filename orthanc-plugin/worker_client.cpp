// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/worker_client.h"

#include "base/failure.h"

namespace chexworld::plugin {
namespace {

ErrorCode code_for(int status) {
  for (int code = 0; code <= int(ErrorCode::kInternal); ++code)
    if (Error(ErrorCode(code), "").http_status() == status) return ErrorCode(code);
  return ErrorCode::kInternal;
}

}  // namespace

bool passes_on(std::string_view name) { return name.starts_with("x-chexworld-") || name == "retry-after"; }

Error error_of(const WorkerAnswer& answer) {
  const Json json = Json::parse(answer.body, nullptr, false);
  const Json sentence = json.is_object() ? json.value("/error/message"_json_pointer, Json()) : Json();
  return {code_for(answer.status),
          sentence.is_string() ? sentence.get<std::string>() : "the worker answered " + std::to_string(answer.status)};
}

Json call_json(WorkerClient& client, const std::string& method, const std::string& target, const Json& body) {
  const std::string text = body.is_null() ? "" : body.dump();
  const WorkerAnswer answer = client.call({.method = method, .target = target, .body = text}).value();
  if (!answer.ok()) throw Failure(error_of(answer));
  return parse_json(answer.body, "the worker's answer");
}

std::string url_encoded(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[static_cast<unsigned char>(c) >> 4];
      encoded += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return encoded;
}

}  // namespace chexworld::plugin

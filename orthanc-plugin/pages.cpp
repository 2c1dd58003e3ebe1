// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc-plugin/pages.h"

#include "base/failure.h"

namespace chexworld::plugin {
namespace {

/// Scripts, styles and pictures of this server alone; nothing in an archive can make a page run or fetch anything.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

std::string type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "application/yaml";
}

}  // namespace

Response page(const std::string& name) {
  const std::string_view content = embedded_file(name);
  if (content.empty()) fail(ErrorCode::kNotFound, "there is no such page");
  Response response;
  response.content_type = type_of(name);
  response.body = std::string(content);
  response.headers = {{"Content-Security-Policy", kPolicy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-cache"}};
  return response;
}

std::string explorer_script() { return std::string(embedded_file("explorer.js")); }

}  // namespace chexworld::plugin

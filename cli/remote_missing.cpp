// SPDX-License-Identifier: Apache-2.0
//
// Remote in builds without the service.
#include "base/failure.h"
#include "cli/remote.h"

namespace chexworld::cli {

Remote::Remote(const std::string& url, const std::filesystem::path&) {
  fail(ErrorCode::kUnsupported, "this program was built without the service and cannot talk to " + url);
}

std::string Remote::get(const std::string&) const { return ""; }
std::string Remote::post(const std::string&, const std::string&) const { return ""; }
std::string Remote::put(const std::string&, const std::string&) const { return ""; }
std::string Remote::remove(const std::string&) const { return ""; }
std::string Remote::post_file(const std::string&, const std::filesystem::path&) const { return ""; }

std::string url_encoded(const std::string& text) { return text; }

}  // namespace chexworld::cli

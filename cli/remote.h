// SPDX-License-Identifier: Apache-2.0
//
// Another server that a command talks to.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace chexworld {
class HttpClient;
}

namespace chexworld::cli {

/// Answers that are no success are failures that carry the server's own message. Copies share one client; thread safe.
class Remote {
 public:
  /// Credentials from the file, else from CHEXWORLD_TOKEN or CHEXWORLD_USER and CHEXWORLD_PASSWORD, else none.
  /// Throws Failure(kUnsupported) in builds without the service.
  Remote(const std::string& url, const std::filesystem::path& credentials);

  std::string get(const std::string& target) const;
  std::string post(const std::string& target, const std::string& json) const;
  std::string put(const std::string& target, const std::string& json) const;
  std::string remove(const std::string& target) const;
  std::string post_file(const std::string& target, const std::filesystem::path& file) const;

 private:
  std::shared_ptr<const HttpClient> client_;
};

/// For one value of a query.
std::string url_encoded(const std::string& text);

}  // namespace chexworld::cli

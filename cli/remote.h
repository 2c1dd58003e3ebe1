// SPDX-License-Identifier: Apache-2.0
//
// Another server that a command talks to.
#pragma once

#include "service/http_client.h"

namespace chexworld::cli {

/// Answers that are no success are failures that carry the server's own message. Thread safe.
class Remote {
 public:
  /// Credentials from the file, else from CHEXWORLD_TOKEN or CHEXWORLD_USER and CHEXWORLD_PASSWORD, else none.
  Remote(const std::string& url, const std::filesystem::path& credentials);

  std::string get(const std::string& target) const;
  std::string post(const std::string& target, const std::string& json) const;
  std::string post_file(const std::string& target, const std::filesystem::path& file) const;

 private:
  HttpClient client_;
};

}  // namespace chexworld::cli

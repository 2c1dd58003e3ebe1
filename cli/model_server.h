// SPDX-License-Identifier: Apache-2.0
//
// Models of a worker, asked directly or through an Orthanc with our plugin.
#pragma once

#include "base/config.h"
#include "cli/remote.h"

namespace chexworld::cli {

/// Failures carry the server's own message; thread safe.
class ModelServer {
 public:
  /// Asks once, to find out which of the two it is: `url` is http://HOST:PORT/BASE or unix:PATH. Throws
  /// Failure(kNotFound) where it is neither.
  ModelServer(const std::string& url, const std::filesystem::path& credentials);

  /// As the worker answers GET /v1/models (docs/rest.md).
  Json list() const;
  /// Uploads a bundle; with `activate` it is taken into use, and known instances wait to be embedded by it
  /// (`reembed`). What the worker answered. A bundle that cannot be taken into use is not kept. Orthanc hands plugins
  /// no arguments of uploads, so a `name` gets lost there.
  Json push(const std::filesystem::path& bundle, const std::string& model_id, const std::string& name, bool activate,
            bool reembed) const;
  /// Hands over to a kept model. What the worker answered.
  Json activate(const std::string& model_id, const std::string& note, bool reembed) const;

 private:
  Json push_through_orthanc(const std::filesystem::path& bundle, const std::string& model_id, bool activate,
                            bool reembed) const;
  bool keeps(const std::string& model_id) const;

  Remote remote_;
  std::string base_;  // of the targets: "/v1", or "/chexworld" in Orthanc
};

/// "now answered by 0123456789ab (before: ...), 17 instances to embed again": an answer for people.
std::string handover_text(const Json& answer);

}  // namespace chexworld::cli

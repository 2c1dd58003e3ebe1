// SPDX-License-Identifier: Apache-2.0
//
// As much of Orthanc as registers routes and calls them.
#pragma once

#include <orthanc/OrthancCPlugin.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace chexworld::test {

struct MadeAnswer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  ///< "Content-Type" among them
};

/// Knows no resource: every question to its REST API ends with "unknown resource". Not thread safe.
class MadeOrthanc {
 public:
  MadeOrthanc();

  OrthancPluginContext* context() { return &context_; }
  /// Patterns in the order of their registration.
  std::vector<std::string> patterns() const;
  /// What whoever is registered for this path answers; 404 where nobody is.
  MadeAnswer call(const std::string& method, const std::string& path);

 private:
  struct Route {
    std::string pattern;
    OrthancPluginRestCallback callback = nullptr;  // all methods, or GET alone where there is an upload
    OrthancPluginServerChunkedRequestReaderFactory post = nullptr;
    OrthancPluginServerChunkedRequestReaderExecute execute = nullptr;
    OrthancPluginServerChunkedRequestReaderFinalize finalize = nullptr;
  };

  static OrthancPluginErrorCode invoke(OrthancPluginContext* context, _OrthancPluginService service,
                                       const void* parameters);
  OrthancPluginErrorCode serve(_OrthancPluginService service, const void* parameters);
  void upload(const Route& route, const OrthancPluginHttpRequest& request);

  OrthancPluginContext context_{};
  std::vector<Route> routes_;
  MadeAnswer answer_;  // of the call under way
};

}  // namespace chexworld::test

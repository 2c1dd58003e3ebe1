// SPDX-License-Identifier: GPL-3.0-or-later
//
// Requests through Orthanc's own HTTP client: its proxies, certificates and TLS settings apply.
#pragma once

#include "orthanc-plugin/orthanc_host.h"
#include "orthanc-plugin/worker_client.h"

#include <map>
#include <string>
#include <string_view>

namespace chexworld::plugin {

/// The body of a request, in pieces as they are there. Used by the thread that asks.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Whether nothing more comes; waits until that or the next piece is known.
  virtual bool done() = 0;
  /// Valid until advance().
  virtual std::string_view piece() = 0;
  /// False: give the request up.
  virtual bool advance() = 0;
};

/// A body that is at hand; the bytes must stay valid.
class WholeBody final : public BodySource {
 public:
  explicit WholeBody(std::string_view bytes) : rest_(bytes) {}
  bool done() override { return rest_.empty(); }
  std::string_view piece() override { return rest_; }
  bool advance() override {
    rest_ = {};
    return true;
  }

 private:
  std::string_view rest_;
};

struct HttpRequest {
  std::string method;  ///< "POST" and the like; anything unknown is GET
  std::string url;
  std::map<std::string, std::string> headers;
  std::uint32_t time_limit_s = 60;  ///< of the whole exchange
};

/// The answer of any status, with its body. Throws Failure (kUnavailable) where there was none.
/// Orthanc's simpler call would do without a source, but it withholds the body of an answer that is an error.
WorkerAnswer ask(const OrthancHost& host, const HttpRequest& request, BodySource& body);

}  // namespace chexworld::plugin

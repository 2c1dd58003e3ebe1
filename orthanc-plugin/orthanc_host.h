// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Orthanc process that loaded us: what we ask of it, without its C types.
#pragma once

#include "base/config.h"
#include "base/log.h"
#include "orthanc-plugin/orthanc_buffer.h"

#include <optional>
#include <string>

namespace chexworld::plugin {

/// Thin view of the context; lives from OrthancPluginInitialize to OrthancPluginFinalize. Thread safe, as the SDK is.
class OrthancHost {
 public:
  explicit OrthancHost(OrthancPluginContext* context) : context_(context) {}

  OrthancPluginContext* context() const { return context_; }
  std::string version() const { return context_->orthancVersion; }
  /// The whole configuration as Orthanc read it; throws Failure.
  Json configuration() const;
  /// What `GET path` of Orthanc's own REST API answers; nothing where it has no such thing. Throws Failure.
  std::optional<Json> get(const std::string& path) const;
  /// The name under which the store remembers this Orthanc. Orthanc's own DatabaseServerIdentifier is made of the
  /// machine's network interfaces and changes with them, even while it runs; so the first one that we saw is kept in
  /// its database. Throws Failure.
  std::string server() const;
  /// Orthanc's id of the instance with this UID; nothing where there is none, or more than one.
  std::optional<std::string> instance_of(const std::string& sop_instance_uid) const;
  /// The DICOM file of an instance; nothing where it is gone.
  std::optional<OrthancBuffer> dicom(const std::string& instance_id) const;
  /// A line in Orthanc's own log.
  void log(LogLevel level, const std::string& line) const;

 private:
  OrthancPluginContext* context_;
};

}  // namespace chexworld::plugin

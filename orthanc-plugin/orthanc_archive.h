// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc-plugin/archive.h"
#include "orthanc-plugin/orthanc_host.h"

#include <mutex>

namespace chexworld::plugin {

/// The Orthanc that loaded us. Works once Orthanc has started. Thread safe.
class OrthancArchive final : public Archive {
 public:
  explicit OrthancArchive(const OrthancHost& host) : host_(host) {}

  std::string server() const override;
  ChangePage changes(std::uint64_t since, std::uint32_t most) const override;
  std::vector<std::string> instances(std::uint64_t since, std::uint32_t most) const override;
  bool has(const std::string& instance_id) const override;
  bool with_dicom(const std::string& instance_id, const std::function<void(std::string_view)>& use) const override;

 private:
  const OrthancHost host_;
  mutable std::mutex mutex_;
  mutable std::string server_;  // empty until it is asked for; guarded by mutex_
};

}  // namespace chexworld::plugin
